#include "exchange/catalog_share.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "act/catalog_folder.h"
#include "base/file.h"
#include "doc/catalog_entry.h"
#include "doc/catalog_head.h"
#include "doc/catalog_page.h"
#include "trust/minisign.h"

static const char text_type[] = "text/plain; charset=utf-8";
static const char lines_type[] = "application/jsonl";

_Static_assert(MM_CATALOG_SHARE_ID == MM_CATALOG_NAME_MAX + 1, "room for a catalog-id");

/* ---- names ---- */

/* What stands behind BEFORE in TEXT, or NULL. */
static const char *behind(const char *text, const char *before)
{
    size_t length = strlen(before);
    return strncmp(text, before, length) == 0 ? text + length : NULL;
}

/* Passes over a number from 1, without leading zeros; NULL where there is none. */
static const char *behind_number(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    uint64_t number;
    return mm_number(text, digits, MM_NUMBER_MAX, &number) && number > 0 ? text + digits : NULL;
}

/* True if TEXT is .minisig, or .KEYID.minisig: the signature of what it stands behind, or somebody else's. */
static bool is_signature(const char *text)
{
    unsigned char id[MM_KEY_ID_BYTES];
    size_t length = strlen(text), suffix = strlen(MM_SIGNATURE_SUFFIX);
    if (length < suffix || strcmp(text + length - suffix, MM_SIGNATURE_SUFFIX) != 0)
        return false;
    return length == suffix || (text[0] == '.' && mm_key_id_read(text + 1, length - suffix - 1, id));
}

static bool is_of_heads(const char *name)
{
    const char *number = behind(name, MM_CATALOG_HEADS "/"), *end = number ? behind_number(number) : NULL;
    return end && (!*end || strcmp(end, MM_CATALOG_CHANGES_SUFFIX) == 0 || is_signature(end));
}

/* index.html, index-2.html and so on. */
static bool is_list_of(const char *name, const char *list)
{
    const char *end = behind(name, list), *number = end ? behind(end, "-") : NULL;
    if (number)
        end = behind_number(number);
    return end && strcmp(end, MM_PAGE_SUFFIX) == 0 && !(number && strncmp(number, "1" MM_PAGE_SUFFIX, 6) == 0);
}

/* manifests/PUBLISHER/NAME/ and what stands behind it in *FILE. */
static bool is_of_model(const char *name, const char **file)
{
    char id[MM_MODEL_ID_MAX + 1];
    const char *model = behind(name, MM_CATALOG_MANIFESTS), *slash = model ? strrchr(model, '/') : NULL;
    if (!slash || !mm_catalog_model_id(model, (size_t)(slash - model), id))
        return false;
    *file = slash + 1;
    return true;
}

static const char *type_of_page_file(const char *name)
{
    size_t length = strlen(name);
    for (int i = 0; i < MM_PAGE_FILES; i++)
        if (strcmp(name, mm_page_files[i].name) == 0)
            return length > 4 && strcmp(name + length - 4, ".css") == 0 ? "text/css; charset=utf-8"
                                                                        : "text/javascript; charset=utf-8";
    return NULL;
}

const char *mm_catalog_share_type(const char *name)
{
    const char *file, *end;
    if (!*name || is_list_of(name, "index") || is_list_of(name, "withdrawn"))
        return "text/html; charset=utf-8";
    if (strcmp(name, MM_CATALOG_ENTRIES) == 0 || strcmp(name, MM_CATALOG_WITHDRAWN) == 0)
        return lines_type;
    if ((end = behind(name, MM_CATALOG_HEAD)))
        return !*end || is_signature(end) ? text_type : NULL;
    if (is_of_heads(name))
        return text_type;
    if (!is_of_model(name, &file))
        return type_of_page_file(name);
    if (strcmp(file, MM_PAGE_INDEX) == 0)
        return "text/html; charset=utf-8";
    end = behind_number(file);
    end = end ? behind(end, MM_CATALOG_MANIFEST_SUFFIX) : NULL;
    return end && (!*end || is_signature(end)) ? text_type : NULL;
}

/* ---- files ---- */

int mm_catalog_share_open(struct mm_catalog_share *share, const char *name, uint64_t *bytes)
{
    if (share->open == MM_CATALOG_SHARE_OPEN) {
        errno = EMFILE;
        return -1;
    }
    int fd = mm_file_open_beneath(share->folder, *name ? name : MM_PAGE_INDEX, MM_LINKS_NONE);
    if (fd < 0)
        return -1;
    *bytes = mm_file_size(fd);
    share->open++;
    return fd;
}

void mm_catalog_share_close(struct mm_catalog_share *share, int fd)
{
    close(fd);
    share->open--;
}

int mm_catalog_share_check(int folder, char id[static MM_CATALOG_SHARE_ID], struct mm_diags *diags)
{
    struct mm_catalog_head head = {0};
    struct mm_buf text = {0};
    diags->file = MM_CATALOG_HEAD;
    int fd = mm_file_open_beneath(folder, MM_CATALOG_HEAD, MM_LINKS_NONE);
    int result = fd < 0 ? mm_diag_errno(diags, MM_RULE_IO_OPEN, "no catalog", errno)
                        : mm_file_read_all(fd, MM_CATALOG_HEAD_MAX, &text, diags);
    if (result > 0)
        result = mm_diag(diags, MM_RULE_TEXT_SIZE, "expected at most %d bytes", MM_CATALOG_HEAD_MAX);
    if (result == 0)
        result = mm_catalog_head_read(&head, text.data ? text.data : "", text.length, diags);
    if (result == 0)
        memcpy(id, head.catalog_id, MM_CATALOG_SHARE_ID);
    if (fd >= 0)
        close(fd);
    mm_buf_release(&text);
    diags->file = "";
    return result;
}
