#include "line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/number.h"

#define AGAIN 60000000ull /* nanoseconds behind the first time */
#define LATE 3000000ull

struct waiting {
    uint64_t due, order;
    struct line_packet packet;
};

struct line {
    struct line_kind kind;
    struct waiting *queue; /* a heap by DUE, then ORDER */
    size_t count, capacity;
    uint64_t order, free_at[2], came, dropped;
    unsigned char *taken;
};

static void die(void)
{
    fputs("the line has no memory\n", stderr);
    exit(3);
}

static uint64_t clock_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

struct line *line_new(void)
{
    struct line *line = calloc(1, sizeof *line);
    if (!line)
        die();
    line->kind.seed = 1;
    return line;
}

void line_free(struct line *line)
{
    for (size_t i = 0; i < line->count; i++)
        free(line->queue[i].packet.bytes);
    free(line->taken);
    free(line->queue);
    free(line);
}

struct line_kind *line_kind(struct line *line)
{
    return &line->kind;
}

void line_counts(const struct line *line, uint64_t *came, uint64_t *dropped)
{
    *came = line->came;
    *dropped = line->dropped;
}

bool line_read_word(struct line_kind *kind, const char *word)
{
    const char *value = strchr(word, '=');
    uint64_t n;
    if (!value || !mm_number(value + 1, strlen(value + 1), MM_NUMBER_MAX, &n))
        return false;
    if (strncmp(word, "delay=", 6) == 0)
        kind->delay = n * 1000000u;
    else if (strncmp(word, "loss=", 5) == 0)
        kind->loss = (uint32_t)n;
    else if (strncmp(word, "late=", 5) == 0)
        kind->late = (uint32_t)n;
    else if (strncmp(word, "mangled=", 8) == 0)
        kind->mangled = (uint32_t)n;
    else if (strncmp(word, "again=", 6) == 0)
        kind->again = (uint32_t)n;
    else if (strncmp(word, "rate=", 5) == 0)
        kind->rate = n;
    else if (strncmp(word, "queue=", 6) == 0)
        kind->queue = n;
    else if (strncmp(word, "largest=", 8) == 0)
        kind->largest = (size_t)n;
    else if (strncmp(word, "seed=", 5) == 0)
        kind->seed = n;
    else if (strncmp(word, "cut=", 4) == 0)
        kind->cut = n;
    else
        return false;
    return true;
}

bool line_read_words(struct line_kind *kind, int fd)
{
    char text[256], *rest = text;
    ssize_t got = read(fd, text, sizeof text - 1);
    if (got <= 0)
        return false;
    text[got] = '\0';
    for (char *word; (word = strsep(&rest, "\n"));)
        if (*word && !line_read_word(kind, word))
            return false;
    return true;
}

/* ---- the queue ---- */

static bool before(const struct waiting *a, const struct waiting *b)
{
    return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static void enqueue(struct line *line, struct waiting waiting)
{
    size_t at = line->count++;
    if (line->count > line->capacity) {
        line->capacity = line->capacity ? 2 * line->capacity : 256;
        line->queue = realloc(line->queue, line->capacity * sizeof *line->queue);
        if (!line->queue)
            die();
    }
    for (; at > 0 && before(&waiting, &line->queue[(at - 1) / 2]); at = (at - 1) / 2)
        line->queue[at] = line->queue[(at - 1) / 2];
    line->queue[at] = waiting;
}

static struct waiting dequeue(struct line *line)
{
    struct waiting first = line->queue[0], last = line->queue[--line->count];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < line->count; at = child) {
        if (child + 1 < line->count && before(&line->queue[child + 1], &line->queue[child]))
            child++;
        if (before(&last, &line->queue[child]))
            break;
        line->queue[at] = line->queue[child];
    }
    line->queue[at] = last;
    return first;
}

/* ---- both ends ---- */

static uint32_t chance(struct line *line)
{
    line->kind.seed = line->kind.seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((line->kind.seed >> 33) % 10000);
}

/* Puts a copy of PACKET into the queue, which comes off at DUE. Returns its bytes. */
static unsigned char *wait_until(struct line *line, const struct line_packet *packet, uint64_t due)
{
    struct waiting waiting = {due, line->order++, *packet};
    waiting.packet.bytes = malloc(packet->length ? packet->length : 1);
    if (!waiting.packet.bytes)
        die();
    memcpy(waiting.packet.bytes, packet->bytes, packet->length);
    enqueue(line, waiting);
    return waiting.packet.bytes;
}

void line_put(struct line *line, bool direction, const struct line_packet *packet, size_t beside)
{
    const struct line_kind *kind = &line->kind;
    size_t length = packet->length;
    uint64_t now = clock_now(), due = now, *free_at = &line->free_at[direction];
    bool lost = chance(line) < kind->loss, late = chance(line) < kind->late;
    bool mangled = chance(line) < kind->mangled;
    line->came++;
    if (kind->rate) {
        uint64_t most = kind->queue ? kind->queue : kind->rate / 10;
        uint64_t backlog = *free_at > now ? (*free_at - now) / 1000 * kind->rate / 1000000 : 0;
        lost = lost || backlog + length > most;
        due = *free_at > now ? *free_at : now;
    }
    if (lost || kind->cut || (kind->largest && length > kind->largest)) {
        line->dropped++;
        return;
    }
    if (kind->rate) {
        due += (length + beside) * 1000000000u / kind->rate;
        *free_at = due;
    }
    due += kind->delay + (late ? LATE : 0);
    unsigned char *bytes = wait_until(line, packet, due);
    if (mangled && length)
        bytes[line->came % length] ^= (unsigned char)(1u << (line->came / length % 8));
    if (kind->again && chance(line) < kind->again) /* other kinds go as they went before there was this one */
        wait_until(line, packet, due + AGAIN);
}

bool line_take(struct line *line, struct line_packet *packet, uint64_t *left)
{
    uint64_t now = clock_now();
    free(line->taken);
    line->taken = NULL;
    *left = line->count == 0 ? LINE_NEVER : line->queue[0].due > now ? line->queue[0].due - now : 0;
    if (*left > 0)
        return false;
    *packet = dequeue(line).packet;
    line->taken = packet->bytes;
    return true;
}
