/* The threads of a block, one after the other on one processor: each runs until it waits, and goes on when all have come as far. They take turns forward and backward, so that
 * a kernel which lacks a barrier gives answers that differ. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <setjmp.h>

#include "standin.h"

#define STACK ((size_t)64 * 1024)

enum state { READY, WAITS_FOR_BLOCK, WAITS_FOR_WARP, DONE };

/* Five words that __builtin_setjmp fills: it neither asks the system for a signal mask nor minds which stack it is on. */
typedef void *place[5];

struct fiber {
    place at;
    enum state state;
    bool begun;
};

static struct fiber fibers[STANDIN_THREADS];
static unsigned char *stacks;
static place scheduler;
static unsigned running;
static struct standin_program *program;
static const struct standin_kernel *kernel;
static void **values;
static ucontext_t home;
static sigjmp_buf rescue;
static volatile sig_atomic_t fault_signal;

static __attribute__((noinline)) void jump(place to)
{
    __builtin_longjmp(to, 1);
}

static __attribute__((noinline)) void change(place from, place to)
{
    if (__builtin_setjmp(from) == 0)
        jump(to);
}

static void wait_for(bool of_warp)
{
    struct fiber *me = &fibers[running];
    me->state = of_warp ? WAITS_FOR_WARP : WAITS_FOR_BLOCK;
    change(me->at, scheduler);
}

/* A fiber's life: kernel after kernel. */
static void live(void)
{
    for (;;) {
        struct fiber *me = &fibers[running];
        kernel->run(values);
        me->state = DONE;
        change(me->at, scheduler);
    }
}

static void begin(unsigned which)
{
    ucontext_t context;
    getcontext(&context);
    context.uc_stack.ss_sp = stacks + which * STACK;
    context.uc_stack.ss_size = STACK;
    context.uc_link = NULL;
    makecontext(&context, live, 0);
    fibers[which].begun = true;
    if (__builtin_setjmp(scheduler) == 0)
        swapcontext(&home, &context);
}

static void resume(unsigned which)
{
    running = which;
    program->thread = (struct standin_three){which, 0, 0};
    fibers[which].state = READY;
    if (!fibers[which].begun)
        begin(which);
    else
        change(scheduler, fibers[which].at);
}

/* ---- a block ---- */

/* Lets those go on of which all from FIRST to END wait alike. Returns NULL, or what is wrong with them. */
static const char *release(unsigned first, unsigned end, enum state state)
{
    unsigned waiting = 0, done = 0;
    for (unsigned i = first; i < end; i++) {
        waiting += fibers[i].state == state;
        done += fibers[i].state == DONE;
    }
    if (waiting > 0 && waiting + done == end - first && done > 0)
        return "some threads have ended where others wait for them";
    for (unsigned i = first; waiting == end - first && i < end; i++)
        fibers[i].state = READY;
    return NULL;
}

static const char *run_block(unsigned threads, unsigned round)
{
    const char *wrong = NULL;
    for (unsigned i = 0; i < threads; i++)
        fibers[i].state = READY;
    memset(program->shared, 0xff, (size_t)(program->shared_end - program->shared));
    for (bool any = true; any && !wrong; round++) {
        any = false;
        for (unsigned n = 0; n < threads; n++) {
            unsigned i = round & 1 ? threads - 1 - n : n;
            if (fibers[i].state != READY)
                continue;
            any = true;
            resume(i);
        }
        for (unsigned i = 0; i < threads && !wrong; i += STANDIN_WARP)
            wrong = release(i, i + STANDIN_WARP < threads ? i + STANDIN_WARP : threads, WAITS_FOR_WARP);
        if (!wrong)
            wrong = release(0, threads, WAITS_FOR_BLOCK);
    }
    for (unsigned i = 0; i < threads && !wrong; i++)
        if (fibers[i].state != DONE)
            wrong = "its threads wait for each other";
    return wrong;
}

/* ---- a grid ---- */

static void on_fault(int number)
{
    fault_signal = number;
    siglongjmp(rescue, 1);
}

static const char *run_grid(const unsigned grid[3], unsigned threads)
{
    const char *wrong = NULL;
    unsigned backwards = getenv("CUDA_BACKWARDS") ? 1 : 0;
    for (unsigned y = 0; y < grid[1] && !wrong; y++)
        for (unsigned x = 0; x < grid[0] && !wrong; x++) {
            unsigned at = backwards ? grid[0] - 1 - x : x;
            program->block = (struct standin_three){at, y, 0};
            wrong = run_block(threads, at + backwards);
        }
    return wrong;
}

/* Memory for the stacks, once. */
static bool have_stacks(void)
{
    if (!stacks) {
        void *memory = mmap(NULL, STANDIN_THREADS * STACK, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        stacks = memory == MAP_FAILED ? NULL : memory;
    }
    return stacks;
}

const char *standin_run(struct standin_program *of, const struct standin_kernel *which, void **arguments,
                        const unsigned grid[3], const unsigned block[3])
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
    enum { SIGNALS = sizeof signals / sizeof *signals };
    struct sigaction before[SIGNALS], now = {.sa_handler = on_fault};
    const char *volatile wrong = NULL;
    if (!have_stacks())
        return "no memory for its threads";
    program = of;
    kernel = which;
    values = arguments;
    program->wait = wait_for;
    program->block_size = (struct standin_three){block[0], 1, 1};
    program->grid = (struct standin_three){grid[0], grid[1], 1};
    for (int i = 0; i < SIGNALS; i++)
        sigaction(signals[i], &now, &before[i]);
    if (sigsetjmp(rescue, 1) == 0) {
        wrong = run_grid(grid, block[0]);
    } else {
        wrong = fault_signal == SIGSEGV || fault_signal == SIGBUS ? "an address outside all memory"
                                                                  : "an address that is not aligned";
    }
    if (wrong)
        memset(fibers, 0, sizeof fibers); /* their stacks are left as they are */
    for (int i = 0; i < SIGNALS; i++)
        sigaction(signals[i], &before[i], NULL);
    return wrong;
}
