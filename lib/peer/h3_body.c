#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "peer/h3_parts.h"

#define SPARE_BLOCKS 16
#define FEW 20                              /* connections that send at once */
#define STREAM_BLOCKS 256                   /* of one stream, at most: 16 MiB on their way */
#define GRANT_PAUSE (4 * MM_H3_MILLISECOND) /* until a grant is asked for again */
#define MM_H3_MILLISECOND 1000000ull

static struct mm_h3_block *take_block(struct mm_h3_stream *stream)
{
    struct mm_h3 *h3 = stream->connection->h3;
    struct mm_h3_block *block = h3->spare;
    if (block) {
        h3->spare = block->next;
        h3->spare_count--;
    } else {
        block = malloc(sizeof *block);
        if (!block)
            return NULL;
    }
    h3->counts.held += MM_H3_BLOCK;
    h3->holders += stream->connection->blocks++ == 0;
    stream->blocks++;
    return block;
}

/* The newest spare block is the one that is in the processor's caches. */
static void give_block(struct mm_h3_stream *stream, struct mm_h3_block *block)
{
    struct mm_h3 *h3 = stream->connection->h3;
    h3->counts.held -= MM_H3_BLOCK;
    h3->holders -= --stream->connection->blocks == 0;
    stream->blocks--;
    if (h3->spare_count == SPARE_BLOCKS) {
        free(block);
        return;
    }
    block->next = h3->spare;
    h3->spare = block;
    h3->spare_count++;
}

/* What one connection may hold, in bytes: of a few an equal part of the whole; of more than that so much less that all of them together hold
 * less than a few do, as each has other costs as well. */
static uint64_t part_of(const struct mm_h3 *h3)
{
    uint64_t part = h3->send_memory / h3->holders;
    return h3->holders > FEW ? part * FEW / h3->holders : part;
}

/* True if STREAM may have another block: its connection's first one always, the others out of what all share, of which each connection that sends
 * may have its part. So one that came first does not hold what others need, and a slow one no more than its part. */
static bool may_take(const struct mm_h3_stream *stream)
{
    const struct mm_h3 *h3 = stream->connection->h3;
    return stream->connection->blocks == 0 ||
           (stream->blocks < STREAM_BLOCKS && h3->counts.held + MM_H3_BLOCK <= h3->send_memory &&
            (stream->connection->blocks + 1) * MM_H3_BLOCK <= part_of(h3));
}

static nghttp3_ssize wait(struct mm_h3_stream *stream)
{
    stream->waiting = true;
    return NGHTTP3_ERR_WOULDBLOCK;
}

/* The file is shorter than it was, or cannot be read: the stream is ended, with nothing said in place of the bytes. */
static nghttp3_ssize give_up(struct mm_h3_stream *stream)
{
    stream->broken = stream->doomed = true;
    stream->code = NGHTTP3_H3_INTERNAL_ERROR;
    stream->connection->to_end = true;
    mm_quic_wake(stream->connection->quic);
    return wait(stream);
}

static size_t read_block(struct mm_h3_stream *stream, struct mm_h3_block *block, size_t length)
{
    size_t done = 0;
    while (done < length) {
        ssize_t got = pread(stream->response.fd, block->bytes + done, length - done,
                            (off_t)(stream->response.offset + stream->at + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    return done;
}

nghttp3_ssize mm_h3_body_read(nghttp3_conn *http, int64_t id, nghttp3_vec *pieces, size_t count, uint32_t *flags,
                              void *connection, void *stream_pointer)
{
    struct mm_h3_stream *stream = stream_pointer;
    struct mm_h3 *h3 = stream->connection->h3;
    uint64_t left = stream->response.length - stream->at;
    size_t length = left < MM_H3_BLOCK ? (size_t)left : MM_H3_BLOCK;
    (void)http, (void)id, (void)connection, (void)count;
    if (stream->broken || (stream->response.fd >= 0 && length > 0 && !may_take(stream)))
        return wait(stream);
    if (length > 0 && h3->server.grant) {
        size_t granted = h3->server.grant(h3->server.context, stream->connection, length);
        if (granted == 0) {
            stream->connection->to_resume = true;
            stream->connection->progress = mm_quic_now(h3->quic);
            mm_quic_wake_at(stream->connection->quic, mm_quic_now(h3->quic) + GRANT_PAUSE);
            return wait(stream);
        }
        length = granted < length ? granted : length;
    }
    pieces[0] = (nghttp3_vec){NULL, length};
    if (stream->response.fd < 0) {
        pieces[0].base = (uint8_t *)stream->response.bytes + stream->at;
    } else if (length > 0) {
        struct mm_h3_block *block = take_block(stream);
        if (!block)
            return NGHTTP3_ERR_CALLBACK_FAILURE;
        if (read_block(stream, block, length) < length) {
            give_block(stream, block);
            return give_up(stream);
        }
        block->length = length;
        block->next = NULL;
        if (stream->last)
            stream->last->next = block;
        else
            stream->first = block;
        stream->last = block;
        pieces[0].base = block->bytes;
    }
    stream->at += length;
    if (stream->at == stream->response.length)
        *flags |= NGHTTP3_DATA_FLAG_EOF;
    return length > 0;
}

void mm_h3_body_acknowledged(struct mm_h3_stream *stream, uint64_t length)
{
    struct mm_h3_connection *connection = stream->connection;
    stream->acknowledged += length;
    connection->h3->counts.body_bytes += length;
    connection->progress = mm_quic_now(connection->h3->quic);
    while (stream->first && length > 0) {
        struct mm_h3_block *block = stream->first;
        size_t left = block->length - stream->first_done;
        if (length < left) {
            stream->first_done += (size_t)length;
            return;
        }
        length -= left;
        stream->first = block->next;
        if (!stream->first)
            stream->last = NULL;
        stream->first_done = 0;
        give_block(stream, block);
        connection->to_resume = true;
    }
}

void mm_h3_body_release(struct mm_h3_stream *stream)
{
    while (stream->first) {
        struct mm_h3_block *block = stream->first;
        stream->first = block->next;
        give_block(stream, block);
    }
    stream->last = NULL;
}

void mm_h3_body_free_spare(struct mm_h3 *h3)
{
    while (h3->spare) {
        struct mm_h3_block *block = h3->spare;
        h3->spare = block->next;
        free(block);
    }
}
