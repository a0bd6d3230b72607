/*
 * ptrace(2) for user-mode-linux on processors whose register state is larger than it knows.
 *
 * User-mode-linux 6.1 reads and writes NT_X86_XSTATE with a buffer of 2,696 bytes. Where the
 * processor has AMX the state is larger, the kernel refuses to write less than all of it (EFAULT),
 * and the first process of the virtual machine dies. Here a write that is too short is laid over
 * the state that is there. Loaded by LD_PRELOAD.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <stdarg.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Not on the stack, which is small there. One thread alone traces. */
static char state[65536];

static long call(long request, long pid, void *address, void *data)
{
    return syscall(SYS_ptrace, request, pid, address, data);
}

long ptrace(enum __ptrace_request request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    pid_t pid = va_arg(arguments, pid_t);
    void *address = va_arg(arguments, void *);
    struct iovec *given = va_arg(arguments, struct iovec *);
    va_end(arguments);

    if (request == PTRACE_SETREGSET && address == (void *)NT_X86_XSTATE) {
        struct iovec whole = {state, sizeof state};
        if (call(PTRACE_GETREGSET, pid, address, &whole) == 0 && whole.iov_len > given->iov_len) {
            memcpy(state, given->iov_base, given->iov_len);
            return call(request, pid, address, &whole);
        }
    }
    /* glibc's own wrapper: a peek answers with the word, the kernel stores it. */
    if (request == PTRACE_PEEKTEXT || request == PTRACE_PEEKDATA || request == PTRACE_PEEKUSER) {
        long word;
        long result = call(request, pid, address, &word);
        if (result == 0)
            errno = 0;
        return result < 0 ? result : word;
    }
    return call(request, pid, address, given);
}
