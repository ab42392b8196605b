/* The relay as a program. Usage: wire SERVER-PORT [WORD]... , where words are those of line.h, and more of them may follow on its standard input,
 * one a line. Prints its own port; ends with its standard input. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/number.h"
#include "relay.h"

int main(int count, char **words)
{
    uint64_t port;
    if (count < 2 || !mm_number(words[1], strlen(words[1]), 65535, &port)) {
        fputs("usage: wire SERVER-PORT [NAME=NUMBER]...\n", stderr);
        return 2;
    }
    struct relay *relay = relay_new(0, (uint16_t)port);
    for (int i = 2; i < count; i++)
        if (!line_read_word(relay_line(relay), words[i])) {
            fprintf(stderr, "wire: expected NAME=NUMBER, found '%s'\n", words[i]);
            return 2;
        }
    printf("%u\n", relay_port(relay));
    fflush(stdout);
    struct pollfd fds[2] = {{relay_fd(relay), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    while (!fds[1].revents || line_read_words(relay_line(relay), STDIN_FILENO)) {
        uint64_t left = relay_run(relay);
        struct timespec time = {.tv_sec = (time_t)(left / 1000000000u), .tv_nsec = (long)(left % 1000000000u)};
        if (ppoll(fds, 2, left == RELAY_NEVER ? NULL : &time, NULL) < 0)
            break;
    }
    relay_free(relay);
    return 0;
}
