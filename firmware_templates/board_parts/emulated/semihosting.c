#include "semihosting.h"

#include <string.h>

enum {
    SYS_OPEN = 0x01,
    SYS_CLOSE = 0x02,
    SYS_WRITE = 0x05,
    SYS_READ = 0x06,
    SYS_SEEK = 0x0A,
    SYS_FLEN = 0x0C,
    SYS_GET_CMDLINE = 0x15,
    SYS_EXIT_EXTENDED = 0x20,
};

#define ADP_STOPPED_APPLICATION_EXIT 0x20026u

static int32_t call(uint32_t operation, const void *arguments) {
    register uint32_t r0 __asm("r0") = operation;
    register const void *r1 __asm("r1") = arguments;
    __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return (int32_t)r0;
}

int32_t semihosting_open(const char *path, semihosting_mode_t mode) {
    const uint32_t arguments[] = {(uint32_t)path, (uint32_t)mode, (uint32_t)strlen(path)};
    return call(SYS_OPEN, arguments);
}

bool semihosting_close(int32_t file) {
    return call(SYS_CLOSE, &file) == 0;
}

size_t semihosting_read(int32_t file, void *buffer, size_t bytes) {
    const uint32_t arguments[] = {(uint32_t)file, (uint32_t)buffer, (uint32_t)bytes};
    const uint32_t missing = (uint32_t)call(SYS_READ, arguments);
    return missing <= bytes ? bytes - missing : 0u;
}

bool semihosting_write(int32_t file, const void *buffer, size_t bytes) {
    const uint32_t arguments[] = {(uint32_t)file, (uint32_t)buffer, (uint32_t)bytes};
    return call(SYS_WRITE, arguments) == 0;
}

bool semihosting_seek(int32_t file, uint32_t offset) {
    const uint32_t arguments[] = {(uint32_t)file, offset};
    return call(SYS_SEEK, arguments) == 0;
}

int32_t semihosting_length(int32_t file) {
    return call(SYS_FLEN, &file);
}

bool semihosting_arguments(char *text, size_t bytes) {
    uint32_t arguments[] = {(uint32_t)text, (uint32_t)bytes};
    return call(SYS_GET_CMDLINE, arguments) == 0;
}

_Noreturn void semihosting_exit(uint32_t status) {
    const uint32_t arguments[] = {ADP_STOPPED_APPLICATION_EXIT, status};
    call(SYS_EXIT_EXTENDED, arguments);
    for (;;) {
    }
}
