/* What the C library asks of a system. ST's runtime prints when it finds an error, and stops. */
#include "console.h"

#include <errno.h>
#include <stddef.h>
#include <sys/stat.h>

int _write(int file, const char *text, int length);
void *_sbrk(ptrdiff_t bytes);
int _close(int file);
int _fstat(int file, struct stat *status);
int _isatty(int file);
int _lseek(int file, int offset, int from);
int _read(int file, char *text, int length);
int _kill(int process, int signal);
int _getpid(void);
_Noreturn void _exit(int status);
_Noreturn void __assert_func(const char *file, int line, const char *function, const char *claim);

static _Noreturn void stop(void) {
    for (;;) {
        __asm volatile("wfi");
    }
}

_Noreturn void __assert_func(const char *file, int line, const char *function, const char *claim) {
    (void)function;
    console_text("\nassertion failed: ");
    console_text(claim);
    console_text(", ");
    console_text(file);
    console_text(":");
    console_unsigned((uint32_t)line);
    console_text("\n");
    stop();
}

int _write(int file, const char *text, int length) {
    (void)file;
    console_write(text, (size_t)length);
    return length;
}

/* There is no heap: the library then writes without a buffer. */
void *_sbrk(ptrdiff_t bytes) {
    (void)bytes;
    errno = ENOMEM;
    return (void *)-1;
}

int _close(int file) {
    (void)file;
    return -1;
}

int _fstat(int file, struct stat *status) {
    (void)file;
    status->st_mode = S_IFCHR;
    return 0;
}

int _isatty(int file) {
    (void)file;
    return 1;
}

int _lseek(int file, int offset, int from) {
    (void)file;
    (void)offset;
    (void)from;
    return 0;
}

int _read(int file, char *text, int length) {
    (void)file;
    (void)text;
    (void)length;
    return 0;
}

int _kill(int process, int signal) {
    (void)process;
    (void)signal;
    return -1;
}

int _getpid(void) {
    return 1;
}

_Noreturn void _exit(int status) {
    (void)status;
    stop();
}
