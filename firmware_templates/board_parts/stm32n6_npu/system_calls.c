/* What the C library asks of a system. ST's runtime prints when it finds an error, and stops. */
#include "board.h"
#include "console.h"
#include "host_link.h"
#include "protocol.h"
#include "trace.h"

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

#define REPEAT_MS 5000u /* a terminal may be opened late */

static _Noreturn void stop(const char *why, const char *file, uint32_t line) {
    trace_end(); /* it is said here, not by the next start */
    for (;;) {
        console_text("\n");
        protocol_begin();
        console_text("self-test FAIL the runtime stopped: ");
        console_text(why);
        console_text(", ");
        console_text(file);
        console_text(":");
        console_unsigned(line);
        console_text("\n");
        board_diagnose();
        (void)console_read(REPEAT_MS);
    }
}

_Noreturn void __assert_func(const char *file, int line, const char *function, const char *claim) {
    (void)function;
    stop(claim, file, (uint32_t)line);
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
    stop("it called exit", "status", (uint32_t)status);
}
