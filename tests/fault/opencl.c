/* libOpenCL.so.1 that hands every call to the real one (OPENCL: its path), but for the one that OPENCL_FAULT names: CALL:N:WHAT, the Nth call of CALL gives the error WHAT (a
 * number), "wrong" (a read's bytes are changed afterwards), or "hang" (it never returns). Built by tests/cmd/test_infer_devices.sh.
 *
 * No argument of these functions is a floating-point number, and none has more than ten: so all of them pass as ten words. */
#include <dlfcn.h>
#include <stdint.h>

#include "plan.h"

typedef uintptr_t word;
typedef word call(word, word, word, word, word, word, word, word, word, word);

static call *real(const char *name)
{
    static void *library;
    if (!library)
        library = dlopen(getenv("OPENCL"), RTLD_NOW | RTLD_LOCAL);
    call *found = NULL;
    if (library)
        *(void **)&found = dlsym(library, name);
    if (!found)
        abort();
    return found;
}

static const char *fault(const char *name)
{
    return fault_planned("OPENCL_FAULT", name);
}

/* Functions that give a status, and those that give an object and put their status where argument AT points. */
#define STATUS(name)                                                                                                   \
    word name(word a, word b, word c, word d, word e, word f, word g, word h, word i, word j)                          \
    {                                                                                                                  \
        const char *what = fault(#name);                                                                               \
        if (what && strcmp(what, "wrong") != 0)                                                                        \
            return (word)(int)strtol(what, NULL, 10);                                                                  \
        word result = real(#name)(a, b, c, d, e, f, g, h, i, j);                                                       \
        if (what)                                                                                                      \
            for (size_t n = 0; n < (size_t)e; n += 4)                                                                  \
                ((unsigned char *)f)[n + 1] ^= 0x55;                                                                   \
        return result;                                                                                                 \
    }
#define OBJECT(name, at)                                                                                               \
    word name(word a, word b, word c, word d, word e, word f, word g, word h, word i, word j)                          \
    {                                                                                                                  \
        const word arguments[] = {a, b, c, d, e, f, g, h, i, j};                                                       \
        const char *what = fault(#name);                                                                               \
        if (!what)                                                                                                     \
            return real(#name)(a, b, c, d, e, f, g, h, i, j);                                                          \
        *(int *)arguments[at] = (int)strtol(what, NULL, 10);                                                           \
        return 0;                                                                                                      \
    }

STATUS(clGetPlatformIDs)
STATUS(clGetDeviceIDs)
STATUS(clGetDeviceInfo)
OBJECT(clCreateContext, 5)
OBJECT(clCreateCommandQueue, 3)
OBJECT(clCreateProgramWithSource, 4)
OBJECT(clCreateProgramWithBinary, 6)
STATUS(clBuildProgram)
STATUS(clGetProgramInfo)
STATUS(clGetProgramBuildInfo)
OBJECT(clCreateKernel, 2)
STATUS(clGetKernelWorkGroupInfo)
STATUS(clSetKernelArg)
OBJECT(clCreateBuffer, 4)
STATUS(clEnqueueWriteBuffer)
STATUS(clEnqueueReadBuffer)
STATUS(clEnqueueNDRangeKernel)
STATUS(clFinish)
STATUS(clReleaseKernel)
STATUS(clReleaseProgram)
STATUS(clReleaseMemObject)
STATUS(clReleaseCommandQueue)
STATUS(clReleaseContext)
