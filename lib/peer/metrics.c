#include "peer/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ASKING_MAX 4     /* at a time */
#define REQUEST_MAX 4096 /* bytes */

struct asking {
    struct mm_metrics *metrics;
    int fd; /* -1: nobody */
    uint64_t since;
    size_t length;
    char request[REQUEST_MAX];
};

struct mm_metrics {
    int fd;
    struct mm_quic *quic;
    void (*tell)(void *context, struct mm_buf *out);
    void *context;
    struct asking asking[ASKING_MAX];
    uint64_t count; /* of those who came */
};

/* ---- the text ---- */

void mm_metrics_write(const struct mm_metric *metrics, size_t count, struct mm_buf *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct mm_metric *metric = &metrics[i];
        if (i == 0 || strcmp(metrics[i - 1].name, metric->name) != 0)
            mm_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
                          metric->counter ? "counter" : "gauge");
        mm_buf_printf(out, "%s%s %" PRIu64 "\n", metric->name, metric->labels, metric->value);
    }
}

/* ---- who asks ---- */

static void watch(struct mm_metrics *metrics, int fd, void (*ready)(void *context), void *context)
{
    struct mm_diags unheard;
    mm_diags_init(&unheard);
    mm_quic_watch(metrics->quic, fd, ready, context, &unheard);
    mm_diags_release(&unheard);
}

static void part(struct asking *asking)
{
    if (asking->fd < 0)
        return;
    watch(asking->metrics, asking->fd, NULL, NULL);
    close(asking->fd);
    asking->fd = -1;
}

/* All of it fits into the socket's buffer; who has filled that before gets what fits. */
static void answer(const struct asking *asking, int status, const char *reason, const struct mm_buf *body)
{
    struct mm_buf out = {0};
    mm_buf_printf(&out, "HTTP/1.1 %d %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n", status, reason);
    mm_buf_printf(&out, "Content-Length: %zu\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n",
                  body ? body->length : 0);
    if (body)
        mm_buf_add(&out, body->data, body->length);
    if (mm_buf_text(&out))
        (void)send(asking->fd, out.data, out.length, MSG_NOSIGNAL | MSG_DONTWAIT);
    mm_buf_release(&out);
}

static void answer_request(const struct asking *asking)
{
    static const char wanted[] = "GET /metrics HTTP/1.";
    struct mm_buf body = {0};
    if (strncmp(asking->request, wanted, sizeof wanted - 1) == 0) {
        asking->metrics->tell(asking->metrics->context, &body);
        if (body.failed)
            answer(asking, 500, "Internal Server Error", NULL);
        else
            answer(asking, 200, "OK", &body);
    } else if (strncmp(asking->request, "GET ", 4) == 0) {
        answer(asking, 404, "Not Found", NULL);
    } else {
        answer(asking, 405, "Method Not Allowed", NULL);
    }
    mm_buf_release(&body);
}

static void on_request(void *context)
{
    struct asking *asking = context;
    size_t room = sizeof asking->request - 1 - asking->length;
    ssize_t got = asking->fd < 0 ? -1 : recv(asking->fd, asking->request + asking->length, room, MSG_DONTWAIT);
    if (asking->fd < 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)))
        return;
    asking->length += got > 0 ? (size_t)got : 0;
    asking->request[asking->length] = '\0';
    bool whole = strstr(asking->request, "\r\n\r\n") || strstr(asking->request, "\n\n");
    if (whole)
        answer_request(asking);
    else if (got > 0 && asking->length < sizeof asking->request - 1)
        return;
    part(asking);
}

static void on_caller(void *context)
{
    struct mm_metrics *metrics = context;
    struct asking *place = &metrics->asking[0];
    int fd = accept4(metrics->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    for (size_t i = 0; i < ASKING_MAX && place->fd >= 0; i++)
        if (metrics->asking[i].fd < 0 || metrics->asking[i].since < place->since)
            place = &metrics->asking[i];
    part(place);
    place->metrics = metrics;
    place->fd = fd;
    place->length = 0;
    place->since = ++metrics->count;
    watch(metrics, fd, on_request, place);
}

/* ---- the socket ---- */

/* Nobody listens at the socket ADDRESS any more. */
static bool is_left_over(const struct sockaddr_un *address)
{
    struct stat info;
    if (lstat(address->sun_path, &info) < 0 || !S_ISSOCK(info.st_mode) || info.st_uid != geteuid())
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool refused =
        fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) < 0 && errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return refused;
}

static int bind_at(int fd, const char *path, struct mm_diags *diags)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return mm_diag(diags, MM_RULE_IO_OPEN, "expected a path of at most %zu bytes for a socket",
                       sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, strlen(path) + 1);
    /* the socket's own mode, which Linux gives to its name: there is no moment in which others could open it */
    if (fchmod(fd, 0600) < 0)
        return mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot make a socket", errno);
    int result = bind(fd, (const struct sockaddr *)&address, sizeof address);
    if (result < 0 && errno == EADDRINUSE && is_left_over(&address) && unlink(path) == 0)
        result = bind(fd, (const struct sockaddr *)&address, sizeof address);
    if (result < 0 && errno == EADDRINUSE)
        return mm_diag(diags, MM_RULE_IO_EXISTS, "expected no such file, or a socket at which nobody listens");
    if (result < 0 || listen(fd, ASKING_MAX) < 0)
        return mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot listen", errno);
    return 0;
}

struct mm_metrics *mm_metrics_open(const char *path, struct mm_diags *diags)
{
    struct mm_metrics *metrics = calloc(1, sizeof *metrics);
    if (!metrics) {
        mm_diag_memory(diags);
        return NULL;
    }
    for (size_t i = 0; i < ASKING_MAX; i++)
        metrics->asking[i].fd = -1;
    metrics->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    diags->file = path;
    int result = metrics->fd < 0 ? mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot make a socket", errno)
                                 : bind_at(metrics->fd, path, diags);
    diags->file = "";
    if (result == 0)
        return metrics;
    mm_metrics_close(metrics);
    return NULL;
}

int mm_metrics_serve(struct mm_metrics *metrics, struct mm_quic *quic, void (*tell)(void *context, struct mm_buf *out),
                     void *context, struct mm_diags *diags)
{
    metrics->quic = quic;
    metrics->tell = tell;
    metrics->context = context;
    return mm_quic_watch(quic, metrics->fd, on_caller, metrics, diags);
}

void mm_metrics_close(struct mm_metrics *metrics)
{
    if (!metrics)
        return;
    for (size_t i = 0; i < ASKING_MAX; i++)
        part(&metrics->asking[i]);
    if (metrics->quic)
        watch(metrics, metrics->fd, NULL, NULL);
    if (metrics->fd >= 0)
        close(metrics->fd);
    free(metrics);
}
