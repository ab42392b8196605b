/* libnvrtc.so without a card: hands sources to nvrtc.py, which is where STANDIN_FOLDER was when this was built. CUDA_FAULT as in driver.c, for its own calls. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum { INVALID_INPUT = 3, INVALID_PROGRAM = 4, COMPILATION = 6 };

struct program {
    char *source, *made, *log; /* made: PTX or what a device runs, by how it begins */
};

static int planned(const char *name)
{
    static int calls;
    char plan[64], *at, *what;
    snprintf(plan, sizeof plan, "%s", getenv("CUDA_FAULT") ? getenv("CUDA_FAULT") : "::");
    at = strchr(plan, ':');
    if (!at || !(what = strchr(at + 1, ':')))
        abort();
    *at++ = *what++ = '\0';
    return strcmp(plan, name) == 0 && ++calls == atoi(at) ? atoi(what) : 0;
}

EXPORT int nvrtcCreateProgram(struct program **out, const char *source, const char *name, int headers,
                              const char *const *header_texts, const char *const *header_names)
{
    (void)header_texts, (void)header_names;
    int error = planned(__func__);
    if (error)
        return error;
    if (!source || !name || headers != 0)
        return INVALID_INPUT;
    struct program *program = calloc(1, sizeof *program);
    if (!program || !(program->source = strdup(source)))
        abort();
    *out = program;
    return 0;
}

static char *text_of(FILE *file)
{
    char *text = NULL;
    size_t length = 0;
    FILE *memory = open_memstream(&text, &length);
    rewind(file);
    for (int c; memory && (c = getc(file)) != EOF;)
        putc(c, memory);
    if (!memory || fclose(memory) != 0)
        abort();
    return text;
}

/* Runs nvrtc.py with OPTIONS; what it reads and writes are files without a name. */
static int compile(FILE *in, FILE *out, FILE *log, int count, const char *const *options)
{
    const char *arguments[16] = {"python3", STANDIN_FOLDER "/nvrtc.py"};
    int status = 0;
    if (count > 12)
        return INVALID_INPUT;
    for (int i = 0; i < count; i++)
        arguments[2 + i] = options[i];
    pid_t child = fork();
    if (child == 0) {
        dup2(fileno(in), STDIN_FILENO);
        dup2(fileno(out), STDOUT_FILENO);
        dup2(fileno(log), STDERR_FILENO);
        execvp("python3", (char *const *)arguments);
        _exit(127);
    }
    return child > 0 && waitpid(child, &status, 0) == child && status == 0 ? 0 : COMPILATION;
}

EXPORT int nvrtcCompileProgram(struct program *program, int count, const char *const *options)
{
    int error = planned(__func__);
    if (error)
        return error;
    FILE *in = tmpfile(), *out = tmpfile(), *log = tmpfile();
    if (!in || !out || !log || fputs(program->source, in) < 0 || fflush(in) != 0)
        abort();
    rewind(in);
    int result = compile(in, out, log, count, options);
    program->made = text_of(out);
    program->log = text_of(log);
    fclose(in), fclose(out), fclose(log);
    return result;
}

EXPORT int nvrtcGetProgramLogSize(struct program *program, size_t *size)
{
    *size = program->log ? strlen(program->log) + 1 : 1;
    return planned(__func__);
}

EXPORT int nvrtcGetProgramLog(struct program *program, char *log)
{
    strcpy(log, program->log ? program->log : "");
    return planned(__func__);
}

/* What was made, if it begins as BEGINNING does. */
static const char *made(const struct program *program, const char *beginning)
{
    return program->made && strncmp(program->made, beginning, strlen(beginning)) == 0 ? program->made : NULL;
}

#define GETTERS(size_name, name, beginning)                                                                            \
    EXPORT int size_name(struct program *program, size_t *size)                                                        \
    {                                                                                                                  \
        int error = planned(__func__);                                                                                 \
        *size = made(program, beginning) ? strlen(program->made) + 1 : 0;                                              \
        return error;                                                                                                  \
    }                                                                                                                  \
    EXPORT int name(struct program *program, char *out)                                                                \
    {                                                                                                                  \
        int error = planned(__func__);                                                                                 \
        if (error || !made(program, beginning))                                                                        \
            return error ? error : INVALID_PROGRAM;                                                                    \
        strcpy(out, program->made);                                                                                    \
        return 0;                                                                                                      \
    }
GETTERS(nvrtcGetPTXSize, nvrtcGetPTX, "//")
GETTERS(nvrtcGetCUBINSize, nvrtcGetCUBIN, "\177ELF")

/* CUDA_ARCHITECTURES: those that this compiler knows, with blanks between them. */
static int architectures(int *out)
{
    const char *at = getenv("CUDA_ARCHITECTURES") ? getenv("CUDA_ARCHITECTURES") : "70 75 80 86 90";
    int count = 0, length, architecture;
    for (; sscanf(at, "%d%n", &architecture, &length) == 1; at += length, count++)
        if (out)
            out[count] = architecture;
    return count;
}

EXPORT int nvrtcGetNumSupportedArchs(int *count)
{
    *count = architectures(NULL);
    return planned(__func__);
}

EXPORT int nvrtcGetSupportedArchs(int *out)
{
    architectures(out);
    return planned(__func__);
}

EXPORT int nvrtcDestroyProgram(struct program **program)
{
    int error = planned(__func__);
    free((*program)->source);
    free((*program)->made);
    free((*program)->log);
    free(*program);
    *program = NULL;
    return error;
}
