/* Figures of a running program, at a socket of this machine that its user alone can open: HTTP/1 for GET /metrics, and the text format of Prometheus.
 * Whoever asks never holds the program up: what is not taken at once is given up, and of more than a few who ask, the first one is. */
#ifndef MM_PEER_METRICS_H
#define MM_PEER_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"
#include "peer/quic.h"

struct mm_metric {
    const char *name;
    const char *labels; /* `{status="2xx"}` and the like, or "": those of one name follow each other */
    const char *help;   /* of a name's first one */
    bool counter;       /* it only grows */
    uint64_t value;
};

/* Appends COUNT metrics, each name with its help and type. */
void mm_metrics_write(const struct mm_metric *metrics, size_t count, struct mm_buf *out);

struct mm_metrics; /* opaque: the socket and who asks at it */

/* Listens at PATH, mode 0600. What stands there is replaced if it is a socket at which nobody listens any more. Returns NULL with IO_OPEN, IO_EXISTS or
 * IO_MEMORY. */
struct mm_metrics *mm_metrics_open(const char *path, struct mm_diags *diags);

/* From now on whoever asks is told, by QUIC's loop, what TELL appends. Returns 0, or -1 with IO_OPEN or IO_LIMIT. */
int mm_metrics_serve(struct mm_metrics *metrics, struct mm_quic *quic, void (*tell)(void *context, struct mm_buf *out),
                     void *context, struct mm_diags *diags);

/* Before the endpoint is freed. The socket's name stays, as a sandboxed process removes no files; the next one replaces it. NULL is fine. */
void mm_metrics_close(struct mm_metrics *metrics);

#endif
