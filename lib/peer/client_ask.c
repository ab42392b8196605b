#include <stdlib.h>
#include <string.h>

#include "peer/client_parts.h"

#define AHEAD 16 /* questions to a peer that nobody waits for yet: as many as servers answer at once */

/* A question, and what has come of its answer. */
struct question {
    struct question *next; /* of the peer's */
    struct mm_h3_stream *stream;
    struct carried *carried; /* the download's request that the answer is for, or NULL */
    char *path;
    struct mm_buf body;
    struct mm_reply_wanted wanted;
    enum mm_reply reply;
    const char *why;
    int status;
    bool over, complete;
};

static void free_question(struct question *question)
{
    mm_buf_release(&question->body);
    free(question->path);
    free(question);
}

/* The download gets the answer as if it came now. */
static void deliver(struct question *question)
{
    struct carried *carried = question->carried;
    const struct mm_buf *body = &question->body;
    bool given = question->status > 0 && mm_peer_carried_head(carried, question->status, NULL, 0) &&
                 (body->length == 0 || mm_peer_carried_body(carried, (const unsigned char *)body->data, body->length));
    mm_peer_carried_end(carried, given && question->complete ? MM_H3_COMPLETE : MM_H3_RESET);
    free_question(question);
}

static bool on_head(void *context, int status, const struct mm_h3_header *headers, size_t count)
{
    struct question *question = context;
    struct mm_reply_header told[MM_H3_HEADERS];
    for (size_t i = 0; i < count && i < MM_H3_HEADERS; i++)
        told[i] = (struct mm_reply_header){headers[i].name, headers[i].value};
    question->status = status;
    question->reply =
        mm_reply_judge(&question->wanted, status, told, count < MM_H3_HEADERS ? count : MM_H3_HEADERS, &question->why);
    return question->reply == MM_REPLY_BODY;
}

static bool on_body(void *context, const unsigned char *bytes, size_t length)
{
    struct question *question = context;
    if (length > question->wanted.most - question->body.length)
        return false;
    mm_buf_add(&question->body, bytes, length);
    return !question->body.failed;
}

static void on_end(void *context, enum mm_h3_end how)
{
    struct question *question = context;
    question->over = true;
    question->complete = how == MM_H3_COMPLETE;
    if (question->carried)
        deliver(question);
}

/* Asks PEER for PATH. Who has no connection has no answer; NULL for want of memory. */
static struct question *ask(struct peer *peer, const char *path, uint64_t most)
{
    struct question *question = calloc(1, sizeof *question);
    if (!question)
        return NULL;
    *question = (struct question){.path = strdup(path), .wanted = {.most = most}, .reply = MM_REPLY_BODY, .why = ""};
    if (!question->path) {
        free_question(question);
        return NULL;
    }
    struct mm_h3_get how = {path, NULL, most, question, on_head, on_body, on_end, false};
    if (peer->connection && !peer->dropped)
        question->stream = mm_h3_get(peer->connection, &how);
    question->over = !question->stream;
    return question;
}

/* ---- ahead ---- */

static struct question **find(struct peer *peer, const char *path)
{
    struct question **at = &peer->ahead;
    while (*at && strcmp((*at)->path, path) != 0)
        at = &(*at)->next;
    return at;
}

/* What was asked of PEER ahead for PATH, which is its caller's now. NULL where nothing was, or it was in vain. */
static struct question *take(struct peer *peer, const char *path)
{
    struct question **at = find(peer, path), *question = *at;
    if (!question)
        return NULL;
    *at = question->next;
    peer->ahead_count--;
    if (!question->over || question->complete || question->reply != MM_REPLY_BODY)
        return question;
    free_question(question);
    return NULL;
}

void mm_peer_client_ask_ahead(struct mm_peer_client *client, size_t number, const char *path, uint64_t most)
{
    struct peer *peer = client->peers[number];
    struct question *question =
        peer->connection && peer->ahead_count < AHEAD && !*find(peer, path) ? ask(peer, path, most) : NULL;
    if (!question)
        return;
    question->next = peer->ahead;
    peer->ahead = question;
    peer->ahead_count++;
}

bool mm_peer_question_carry(struct peer *peer, const char *path, struct carried *carried)
{
    struct question *question = take(peer, path);
    if (!question)
        return false;
    question->carried = carried;
    carried->stream = question->stream;
    if (question->over)
        deliver(question);
    return true;
}

void mm_peer_questions_forget(struct peer *peer)
{
    while (peer->ahead) {
        struct question *question = peer->ahead;
        peer->ahead = question->next;
        if (!question->over)
            mm_h3_cancel(question->stream);
        free_question(question);
    }
    peer->ahead_count = 0;
}

/* ---- at once ---- */

/* What a question came to. */
static int conclude(const struct peer *peer, const struct question *question, struct mm_diags *diags)
{
    char id[MM_PEER_ID_TEXT];
    if (question->complete && question->reply == MM_REPLY_BODY)
        return 0;
    if (question->reply == MM_REPLY_ABSENT)
        return 1;
    bool answered = question->reply == MM_REPLY_REFUSED || question->reply == MM_REPLY_LATER;
    mm_note(diags, MM_RULE_PEER_ANSWER, "peer %s: expected %s%s%s", mm_peer_id_write(id, peer->key),
            answered ? question->why : "an answer, whole and in time",
            answered || !peer->why[0] ? "" : ", found: ", answered ? "" : peer->why);
    return -1;
}

int mm_peer_client_ask(struct mm_peer_client *client, size_t number, const char *path, uint64_t most, unsigned seconds,
                       struct mm_buf *out, struct mm_diags *diags)
{
    struct peer *peer = client->peers[number];
    struct question *question = take(peer, path);
    uint64_t until = mm_peer_client_now(client) + seconds * MM_SECOND;
    int result = 0;
    if (!question && !(question = ask(peer, path, most)))
        return mm_diag_memory(diags);
    while (!question->over && result == 0 && mm_peer_client_now(client) < until)
        result = mm_h3_run(client->h3, 100, diags);
    if (!question->over) {
        mm_h3_cancel(question->stream); /* which ends it */
        question->complete = false;
    }
    mm_buf_release(out);
    *out = question->body;
    question->body = (struct mm_buf){0};
    if (result == 0)
        result = conclude(peer, question, diags);
    free_question(question);
    return result < 0 ? -1 : result;
}
