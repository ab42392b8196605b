/* What the stand-in for a card's driver and the programs that its compiler makes (dialect.h) agree on. C and C++. */
#ifndef STANDIN_H
#define STANDIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STANDIN_ARGUMENTS 16
#define STANDIN_SIZE 16      /* bytes of an argument, at most */
#define STANDIN_THREADS 1024 /* of a block, at most */
#define STANDIN_WARP 32

struct standin_kernel {
    const char *name;
    void (*run)(void **values); /* one thread */
    unsigned count;             /* of arguments */
    unsigned sizes[STANDIN_ARGUMENTS], pointers[STANDIN_ARGUMENTS];
};

struct standin_three {
    unsigned x, y, z;
};

/* What a program has for whoever runs it: where a thread finds who it is, its memory that a block shares, and how it waits. */
struct standin_program {
    struct standin_three thread, block, block_size, grid;
    unsigned char *shared, *shared_end;
    void (*wait)(bool of_warp);         /* for all threads of the block, or of the warp */
    uint32_t lanes[2][STANDIN_THREADS]; /* of shuffles, by turns */
    unsigned char turn[STANDIN_THREADS];
};

/* fibers.c: runs every thread of every block of the grid. Returns NULL, or what went wrong: the program is of no use then. */
const char *standin_run(struct standin_program *program, const struct standin_kernel *kernel, void **values,
                        const unsigned grid[3], const unsigned block[3]);

#endif
