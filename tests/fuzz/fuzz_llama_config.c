/* config.json of a llama model: facts in range, or a finding; --drop takes back findings about keys alone. */
#include "convert/llama_config.h"

#include "source.h"

static int read_config(int fd, const struct mm_checkpoint_options *options, struct mm_llama_config *config)
{
    struct mm_diags diags;
    mm_diags_init(&diags);
    int result = mm_llama_config_read(config, fd, options, &diags);
    must((result == 0) == (diags.errors == 0));
    mm_diags_release(&diags);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const all[] = {"*"};
    static const struct mm_checkpoint_options none, dropping = {.drop = all, .drop_count = 1};
    struct mm_llama_config strict, lax;
    int fd = source_fd(data, size);
    if (read_config(fd, &none, &strict) == 0) {
        must(read_config(fd, &dropping, &lax) == 0);
        for (int i = 0; i < MM_LLAMA_NUMBERS; i++)
            must(strict.llama.numbers[i] == lax.llama.numbers[i] &&
                 strict.llama.numbers[i] <= mm_llama_numbers[i].most);
        must(strict.llama.rope_factor >= 0 && strict.llama.norm_epsilon >= 0 && strict.llama.rope_base >= 0);
    } else {
        read_config(fd, &dropping, &lax);
    }
    close(fd);
    return 0;
}
