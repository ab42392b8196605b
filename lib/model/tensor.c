#include "model/tensor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/utf8.h"

void mm_tensors_release(struct mm_tensors *tensors)
{
    free(tensors->items);
    mm_buf_release(&tensors->words);
    *tensors = (struct mm_tensors){0};
}

static size_t add_word(struct mm_tensors *tensors, const char *text, size_t length)
{
    size_t at = tensors->words.length;
    mm_buf_add(&tensors->words, text, length);
    mm_buf_char(&tensors->words, '\0');
    return at;
}

int mm_tensors_add(struct mm_tensors *tensors, const char *name, size_t name_length, const char *dims, int dtype,
                   uint64_t offset, uint64_t bytes, struct mm_diags *diags)
{
    if (tensors->count >= MM_TENSOR_COUNT_MAX)
        return mm_diag(diags, MM_RULE_IO_LIMIT, "at most %d tensors of one file are read", MM_TENSOR_COUNT_MAX);
    if (!mm_grow(&tensors->items, tensors->count, &tensors->capacity, sizeof *tensors->items))
        return mm_diag_memory(diags);
    struct mm_tensor *tensor = &tensors->items[tensors->count];
    *tensor = (struct mm_tensor){.offset = offset, .bytes = bytes, .dtype = dtype};
    tensor->name = add_word(tensors, name, name_length);
    tensor->dims = add_word(tensors, dims, strlen(dims));
    if (tensors->words.failed)
        return mm_diag_memory(diags);
    tensors->count++;
    return 0;
}

bool mm_tensor_name_check(const char *name, size_t length, uint64_t offset, struct mm_diags *diags)
{
    char shown[MM_SHOWN];
    if (length == 0 || length > MM_TENSOR_NAME_MAX) {
        mm_diag_offset(diags, MM_RULE_TENSOR_NAME, offset, "expected a tensor name of 1 to %d bytes, found %zu",
                       MM_TENSOR_NAME_MAX, length);
        return false;
    }
    for (size_t i = 0; i < length;) {
        uint32_t code = 0;
        size_t size = mm_utf8_decode((const unsigned char *)name + i, length - i, &code);
        if (size == 0 || mm_utf8_control(code)) {
            mm_diag_offset(diags, MM_RULE_TENSOR_NAME, offset, "expected a tensor name %s, found '%s'",
                           size ? "without control characters" : "in well-formed UTF-8", mm_show(shown, name, length));
            return false;
        }
        i += size;
    }
    return true;
}

static int compare(const struct mm_tensors *tensors, size_t a, size_t b)
{
    const struct mm_tensor *x = &tensors->items[a], *y = &tensors->items[b];
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return strcmp(mm_tensor_name(tensors, a), mm_tensor_name(tensors, b));
}

static void swap(struct mm_tensors *tensors, size_t a, size_t b)
{
    struct mm_tensor held = tensors->items[a];
    tensors->items[a] = tensors->items[b];
    tensors->items[b] = held;
}

static void sift_down(struct mm_tensors *tensors, size_t root, size_t end)
{
    for (size_t child; (child = 2 * root + 1) < end; root = child) {
        if (child + 1 < end && compare(tensors, child, child + 1) < 0)
            child++;
        if (compare(tensors, root, child) >= 0)
            return;
        swap(tensors, root, child);
    }
}

/* Heapsort, unless the table is in order already, as it nearly always is: hostile tables cost n log n and no memory. */
void mm_tensors_sort(struct mm_tensors *tensors)
{
    size_t i = 1, count = tensors->count;
    while (i < count && compare(tensors, i - 1, i) <= 0)
        i++;
    if (i >= count)
        return;
    for (i = count / 2; i-- > 0;)
        sift_down(tensors, i, count);
    for (i = count; i-- > 1;) {
        swap(tensors, 0, i);
        sift_down(tensors, 0, i);
    }
}

void mm_tensor_layout_line(const struct mm_tensors *tensors, size_t index, struct mm_buf *buf)
{
    const struct mm_tensor *tensor = &tensors->items[index];
    mm_buf_printf(buf, "%s\t%s\t%s\t%" PRIu64 "\t%" PRIu64 "\n", mm_tensor_name(tensors, index),
                  mm_dtypes[tensor->dtype].name, tensors->words.data + tensor->dims, tensor->offset, tensor->bytes);
}

int mm_tensors_layout(const struct mm_tensors *tensors, unsigned char digest[static MM_HASH_BYTES],
                      struct mm_diags *diags)
{
    struct mm_sha256 *sha = mm_sha256_new();
    struct mm_buf line = {0};
    for (size_t i = 0; sha && i < tensors->count && !line.failed; i++) {
        mm_buf_clear(&line);
        mm_tensor_layout_line(tensors, i, &line);
        mm_sha256_update(sha, line.data, line.length);
    }
    bool failed = !sha || line.failed;
    if (!failed)
        mm_sha256_take(sha, digest);
    mm_buf_release(&line);
    mm_sha256_free(sha);
    return failed ? mm_diag_memory(diags) : 0;
}

bool mm_tensors_padding(struct mm_source *source, uint64_t length, struct mm_diags *diags)
{
    bool in_zeros = true;
    while (length > 0) {
        const unsigned char *bytes;
        size_t have = mm_source_some(source, &bytes);
        if (have == 0)
            return false;
        if (have > length)
            have = (size_t)length;
        for (size_t i = 0; i < have; i++) {
            if (bytes[i] && in_zeros)
                mm_diag_offset(diags, MM_RULE_DATA_PADDING, mm_source_offset(source) + i,
                               "expected zeros as padding, found byte 0x%02x", bytes[i]);
            in_zeros = !bytes[i];
        }
        mm_source_advance(source, have);
        length -= have;
    }
    return true;
}
