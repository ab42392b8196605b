/* Routes (manifest.md: "A route says where metadata can be read"): https URLs in one strict form, and the catalog
 * boundary, which keeps routes from leading to weights or archives. */
#ifndef MM_TEXT_ROUTE_H
#define MM_TEXT_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

/* True if TEXT begins with https:// (lower case, as routes are written). */
bool mm_route_is_url(const char *text, size_t length);

/* Returns NULL if TEXT is https://HOST[:PORT]/PATH, otherwise what was expected, and *AT is the offset where. */
const char *mm_route_check_url(const char *text, size_t length, size_t *at);

/* Returns NULL if TEXT is mailto:LOCAL@HOST, otherwise what was expected, and *AT is the offset where. */
const char *mm_route_check_mail(const char *text, size_t length, size_t *at);

/* The last non-empty segment of ROUTE (a checked URL or path), its %-escapes decoded, into OUT (NUL-terminated).
 * A route is shorter than OUT. */
#define MM_ROUTE_SEGMENT 1100
size_t mm_route_last_segment(const char *route, size_t length, char out[static MM_ROUTE_SEGMENT]);

/* The refused ending of SEGMENT (".gguf", ".zip", ...; letter case ignored), or NULL. */
const char *mm_route_refused_ending(const char *segment, size_t length);

/* True if SEGMENT ends in .chunks or .chunks.gz, as a chunk list's route must. */
bool mm_route_is_chunk_list(const char *segment, size_t length);

/* Walks free text (x- values, IDENTITY). Finds the next URL at or after *AT whose scheme the boundary judges: https
 * (in any letter case, with //), http, ftp, magnet or ipfs. Returns its offset and sets *LENGTH (up to the next space)
 * and *HTTPS, and moves *AT behind it; returns SIZE_MAX at the end. */
size_t mm_route_find_url(const char *text, size_t text_length, size_t *at, size_t *length, bool *https);

#endif
