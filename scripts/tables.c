/* Prints what follows from the library's tables, for scripts/generate.sh: JSON schema, field lists of man page and docs. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "doc/manifest_field.h"
#include "model/dtype.h"
#include "model/llama.h"
#include "model/tokenizer.h"

static const char *const often_words[] = {
    [MM_OFTEN_ONCE] = "once", [MM_OFTEN_OPT] = "optional", [MM_OFTEN_MANY] = "repeated"};

static void print_json_string(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putchar('\\');
        putchar(*text);
    }
    putchar('"');
}

static void print_enum(const char *words)
{
    printf("\"enum\": [");
    for (const char *word = words; *word;) {
        size_t size = strcspn(word, " ");
        printf("%s\"%.*s\"", word == words ? "" : ", ", (int)size, word);
        word += size + (word[size] == ' ');
    }
    putchar(']');
}

/* The schema of one value; cross-field rules are the linter's. */
static void print_value(const struct mm_field_info *field)
{
    if (field->kind == MM_KIND_NUMBER) {
        printf("\"type\": \"integer\", \"minimum\": %" PRIu64 ", \"maximum\": %" PRIu64, field->min, field->max);
    } else if (field->kind == MM_KIND_CHUNK_SIZE) {
        printf("\"type\": \"integer\", \"enum\": [");
        for (unsigned long size = 65536; size <= 67108864; size *= 2)
            printf("%s%lu", size == 65536 ? "" : ", ", size);
        putchar(']');
    } else {
        printf("\"type\": \"string\", \"minLength\": 1, \"maxLength\": %" PRIu64,
               field->kind == MM_KIND_TEXT ? field->max : 1024);
        if (field->kind == MM_KIND_WORD) {
            printf(", ");
            print_enum(field->words);
        }
        if (mm_kind_pattern(field->kind)) {
            printf(", \"pattern\": ");
            print_json_string(mm_kind_pattern(field->kind));
        }
    }
}

static void print_properties(int from, int to, const char *indent)
{
    printf("%s\"required\": [", indent);
    for (int i = from, count = 0; i < to; i++)
        if (mm_fields[i].often == MM_OFTEN_ONCE)
            printf("%s\"%s\"", count++ ? ", " : "", mm_fields[i].key);
    printf("%s],\n%s\"properties\": {\n", from == 0 ? ", \"artifacts\"" : "", indent);
    for (int i = from; i < to; i++) {
        printf("%s  \"%s\": {\"description\": ", indent, mm_fields[i].key);
        print_json_string(mm_fields[i].meaning);
        if (mm_fields[i].often == MM_OFTEN_MANY)
            printf(", \"type\": \"array\", \"minItems\": 1, \"uniqueItems\": true, \"items\": {");
        else
            printf(", ");
        print_value(&mm_fields[i]);
        printf("%s}%s\n", mm_fields[i].often == MM_OFTEN_MANY ? "}" : "", i + 1 < to || from == 0 ? "," : "");
    }
}

static void print_schema(void)
{
    printf("{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n  \"title\": \"A manifest as "
           "manifest-make --json prints it\",\n"
           "  \"type\": \"object\",\n");
    print_properties(0, MM_FIELD_FIRST_OF_ARTIFACT, "  ");
    printf("    \"artifacts\": {\n      \"type\": \"array\", \"minItems\": 1,\n      \"items\": {\n        \"type\": "
           "\"object\",\n");
    print_properties(MM_FIELD_FIRST_OF_ARTIFACT, MM_FIELD_COUNT, "        ");
    printf("        },\n        \"additionalProperties\": false\n      }\n    }\n  },\n"
           "  \"patternProperties\": {\"^x-[a-z0-9-]+$\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": "
           "1024}},\n"
           "  \"additionalProperties\": false\n}\n");
}

static void print_man(void)
{
    for (int i = 0; i < MM_FIELD_COUNT; i++) {
        if (i == 0)
            printf(".Ss Fields of the model\n.Bl -tag -width Ds\n");
        if (i == MM_FIELD_FIRST_OF_ARTIFACT)
            printf(".El\n.Ss Fields of an artifact\n.Bl -tag -width Ds\n");
        printf(".It Cm %s Pq %s\n", mm_fields[i].key, often_words[mm_fields[i].often]);
        if (mm_fields[i].words[0])
            printf("%s:\n%s.\n", mm_fields[i].meaning, mm_fields[i].words);
        else
            printf("%s.\n", mm_fields[i].meaning);
    }
    printf(".El\n");
}

static void print_doc_rows(int from, int to, const char *title)
{
    printf("\n%s\n\n| key | how often | meaning |\n| --- | --- | --- |\n", title);
    for (int i = from; i < to; i++) {
        printf("| `%s` | %s | %s", mm_fields[i].key, often_words[mm_fields[i].often], mm_fields[i].meaning);
        if (mm_fields[i].words[0])
            printf(": `%s`", mm_fields[i].words);
        printf(" |\n");
    }
}

static void print_docs(void)
{
    print_doc_rows(0, MM_FIELD_FIRST_OF_ARTIFACT, "Fields of the model, in this order:");
    print_doc_rows(MM_FIELD_FIRST_OF_ARTIFACT, MM_FIELD_COUNT, "Fields of each artifact, in this order:");
    putchar('\n');
}

static void print_dtypes(void)
{
    printf("\n| name | GGML number | safetensors name | elements of a block | bytes of a block |\n| --- | ---: | --- | "
           "---: | ---: |\n");
    for (int i = 0; i < MM_DTYPE_COUNT; i++) {
        const struct mm_dtype *dtype = &mm_dtypes[i];
        printf("| `%s` | ", dtype->name);
        if (dtype->ggml >= 0)
            printf("%d", dtype->ggml);
        printf(" | %s | %u | %u |\n", dtype->safetensors ? dtype->safetensors : "", dtype->block, dtype->bytes);
    }
    putchar('\n');
}

static void print_settings(void)
{
    printf("\n| number | GGUF key behind `tokenizer.ggml.` | value | what it says |\n| ---: | --- | --- | --- |\n");
    for (size_t i = 0; i < MM_TOKENIZER_SETTING_COUNT; i++) {
        const struct mm_setting_info *setting = &mm_tokenizer_settings[i];
        printf("| %" PRIu32 " | `%s` | %s | %s |\n", setting->number, setting->gguf,
               setting->token ? "token" : "switch", setting->meaning);
    }
    putchar('\n');
}

/* "E,HK" as "E, H K" */
static void print_dimensions(const char *dimensions)
{
    for (const char *at = dimensions; *at; at++)
        printf("%c%s", *at, *at == ',' || (at[1] && at[1] != ',') ? " " : "");
}

/* "blk.%u.x" as "blk.N.x" */
static void print_tensor_name(const char *name)
{
    const char *mark = strstr(name, "%u");
    if (mark)
        printf("%.*sN%s", (int)(mark - name), name, mark + 2);
    else
        printf("%s", name);
}

static void print_llama(void)
{
    printf("\n| tensor | dimensions | |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < MM_LLAMA_TENSORS; i++) {
        printf("| `");
        print_tensor_name(mm_llama_tensors[i].name);
        printf("` | ");
        print_dimensions(mm_llama_tensors[i].dimensions);
        printf(" | %s |\n", mm_llama_tensors[i].once ? "" : "optional");
    }
    putchar('\n');
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } outputs[] = {
        {"schema", print_schema}, {"man", print_man},           {"docs", print_docs},
        {"dtypes", print_dtypes}, {"settings", print_settings}, {"llama", print_llama},
    };
    for (size_t i = 0; argc == 2 && i < sizeof outputs / sizeof *outputs; i++)
        if (strcmp(argv[1], outputs[i].name) == 0) {
            outputs[i].print();
            return fflush(stdout) == 0 ? 0 : 3;
        }
    fprintf(stderr, "usage: tables schema|man|docs|dtypes|settings|llama\n");
    return 2;
}
