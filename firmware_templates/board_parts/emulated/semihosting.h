/* The calls of Arm's semihosting (ARM DUI 0471, chapter 8) that this board uses: the debugger, here
 * the emulator, carries them out on the host. */
#ifndef SEMIHOSTING_H
#define SEMIHOSTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    SEMIHOSTING_READ = 1,  /* fopen mode "rb" */
    SEMIHOSTING_WRITE = 5, /* fopen mode "wb" */
} semihosting_mode_t;

/* Opens a host file; negative when that fails. ":tt" opened for writing is the console. */
int32_t semihosting_open(const char *path, semihosting_mode_t mode);
bool semihosting_close(int32_t file);
/* Bytes read. */
size_t semihosting_read(int32_t file, void *buffer, size_t bytes);
/* Whether all bytes were written. */
bool semihosting_write(int32_t file, const void *buffer, size_t bytes);
bool semihosting_seek(int32_t file, uint32_t offset);
/* Length in bytes, negative on failure. */
int32_t semihosting_length(int32_t file);
/* The arguments, separated by single spaces, and whether they fit. */
bool semihosting_arguments(char *text, size_t bytes);
_Noreturn void semihosting_exit(uint32_t status);

#endif
