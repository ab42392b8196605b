/* The relay as a program. Usage: wire SERVER-PORT [delay=MS] [loss=PER-10000] [late=PER-10000] [rate=BYTES-A-SECOND] [queue=BYTES]
 * [largest=BYTES] [seed=N]. Prints its own port; ends with its standard input. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/number.h"
#include "relay.h"

static uint64_t number(const char *text)
{
    uint64_t value;
    if (!mm_number(text, strlen(text), MM_NUMBER_MAX, &value)) {
        fprintf(stderr, "wire: expected a number, found '%s'\n", text);
        exit(2);
    }
    return value;
}

static void read_word(struct relay_line *line, const char *word)
{
    const char *value = strchr(word, '=');
    size_t length = value ? (size_t)(value - word) : 0;
    uint64_t n = number(value ? value + 1 : word);
    if (length == 5 && strncmp(word, "delay", 5) == 0)
        line->delay = n * 1000000u;
    else if (length == 4 && strncmp(word, "loss", 4) == 0)
        line->loss = (uint32_t)n;
    else if (length == 4 && strncmp(word, "late", 4) == 0)
        line->late = (uint32_t)n;
    else if (length == 4 && strncmp(word, "rate", 4) == 0)
        line->rate = n;
    else if (length == 5 && strncmp(word, "queue", 5) == 0)
        line->queue = n;
    else if (length == 7 && strncmp(word, "largest", 7) == 0)
        line->largest = (size_t)n;
    else if (length == 4 && strncmp(word, "seed", 4) == 0)
        line->seed = n;
    else
        exit(2);
}

int main(int count, char **words)
{
    char waste[256];
    if (count < 2)
        return 2;
    struct relay *relay = relay_new(0, (uint16_t)number(words[1]));
    for (int i = 2; i < count; i++)
        read_word(relay_line(relay), words[i]);
    printf("%u\n", relay_port(relay));
    fflush(stdout);
    struct pollfd fds[2] = {{relay_fd(relay), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    while (!(fds[1].revents & (POLLIN | POLLHUP)) || read(STDIN_FILENO, waste, sizeof waste) > 0) {
        uint64_t left = relay_run(relay);
        struct timespec time = {.tv_sec = (time_t)(left / 1000000000u), .tv_nsec = (long)(left % 1000000000u)};
        if (ppoll(fds, 2, left == RELAY_NEVER ? NULL : &time, NULL) < 0)
            break;
    }
    relay_free(relay);
    return 0;
}
