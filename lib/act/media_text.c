/* READ-ME-FIRST.txt: for whoever finds the medium, with or without our commands. Lines end in CR LF, for the plainest of editors. */
#include <inttypes.h>
#include <string.h>

#include "act/media_parts.h"

static void line(struct mm_buf *out, const char *text)
{
    mm_buf_str(out, text);
    mm_buf_str(out, "\r\n");
}

static void lines(struct mm_buf *out, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        line(out, texts[i]);
}

#define LINES(out, texts) lines(out, texts, sizeof(texts) / sizeof *(texts))

static void title(const struct mm_media *media, size_t index, struct mm_buf *out)
{
    static const char *const what[] = {
        "",
        "This folder carries language models, or parts of them, with what is needed to check",
        "them. Nothing here is trusted by being here: not the files, not the keys, not the",
        "programs, not this text. What you may trust is a publisher's key whose fingerprint",
        "you got on another way.",
        "",
    };
    if (media->medium_count > 1)
        mm_buf_printf(out, "MODELS ON MEDIUM %zu OF %zu\r\n", index + 1, media->medium_count);
    else
        line(out, "MODELS ON THIS MEDIUM");
    LINES(out, what);
}

static void artifact(const struct mm_media *media, const struct mm_media_piece *piece, size_t index, struct mm_buf *out)
{
    char hex[MM_HASH_HEX + 1];
    const struct mm_claim *claim = &media->models[piece->model].claims[piece->artifact];
    mm_hex(hex, claim->chunks.sha256, MM_HASH_BYTES);
    if (piece->medium != index)
        return;
    if (piece->whole)
        mm_buf_printf(out, "    %s  %s\r\n", hex, claim->path);
    else
        mm_buf_printf(out, "    %s  %s (chunks %" PRIu64 "-%" PRIu64 " of 0-%" PRIu64 ")\r\n", hex, claim->path,
                      piece->first, piece->first + piece->count - 1, claim->chunks.count - 1);
}

/* What a reader of this medium still needs. */
static void elsewhere(const struct mm_media *media, size_t model, size_t index, struct mm_buf *out)
{
    bool some = false;
    for (size_t i = 0; i < media->medium_count; i++)
        if (i != index && mm_media_carries(media, i, model)) {
            mm_buf_printf(out, "%s%zu", some ? ", " : "    more of it is on medium ", i + 1);
            some = true;
        }
    if (some)
        mm_buf_str(out, "\r\n");
}

static void models(const struct mm_media *media, size_t index, struct mm_buf *out)
{
    line(out, "WHAT IS HERE (the SHA-256 of the whole file, then its name)");
    for (size_t i = 0; i < media->model_count; i++) {
        const struct mm_media_model *model = &media->models[i];
        if (!mm_media_carries(media, index, i))
            continue;
        mm_buf_printf(out, "\r\n%s revision %" PRIu64 ", manifest %s\r\n    in %s\r\n", model->facts.model.id,
                      model->facts.model.revision, model->facts.manifest_sha256, model->facts.model.path);
        for (size_t k = 0; k < model->piece_count; k++)
            artifact(media, &media->pieces[model->first_piece + k], index, out);
        elsewhere(media, i, index, out);
    }
    line(out, "");
}

static const char *const with_commands[] = {
    "WITH THE MINIMODEL TOOLS",
    "",
    "Once, and only if you know the fingerprint from elsewhere, not from this medium:",
    "    key-trust add --fingerprint 'FINGERPRINT' PUBLISHER keys/PUBLISHER/KEYID.pub",
    "Then, for all media at once or for one after the other, in any order:",
    "    slm-import FOLDER...",
    "What lacks is named and can come later; what was damaged on the way is found.",
    "",
};

static const char *const without[] = {
    "WITHOUT THEM",
    "",
    "The hashes of all files of this folder stand in SHA256SUMS. They tell of damage; of",
    "whoever wrote this medium they tell nothing.",
    "    Linux:               sha256sum -c SHA256SUMS",
    "    macOS:               shasum -a 256 -c SHA256SUMS",
    "    Windows PowerShell:  Get-FileHash -Algorithm SHA256 FILE",
    "    Windows cmd:         certutil -hashfile FILE SHA256",
    "A publisher's signature of a manifest, with a public key that you got elsewhere:",
    "    minisign -V -p PUBLISHER.pub -m models/PUBLISHER/NAME/REVISION/manifest",
    "The manifest then names the SHA-256 of each file. An artifact that travels in pieces",
    "has a folder NAME.chunkset; the lines of NAME.chunks after the sixth are its pieces",
    "in order: their names, put together with cat, give the file.",
    "",
};

static const char *const programs[] = {
    "PROGRAMS ON THIS MEDIUM",
    "",
    "The programs in tools/ are no safer than the medium itself: whoever could change a",
    "model here could change them too. Take them from a source of your own where you can,",
    "or compare their SHA-256 with one that you got on another way.",
    "",
};

static const char *const consent[] = {
    "Checking a model says that it is what its publisher published. It does not say that",
    "it is good, and it is no consent to run it.",
};

void mm_media_read_me(const struct mm_media *media, size_t index, struct mm_buf *out)
{
    title(media, index, out);
    models(media, index, out);
    LINES(out, with_commands);
    LINES(out, without);
    if (media->tools >= 0)
        LINES(out, programs);
    LINES(out, consent);
}
