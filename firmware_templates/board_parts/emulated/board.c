#include "board.h"

#include "console.h"
#include "semihosting.h"

#include <stdbool.h>

/* Semihosting costs an exit from the emulated code a call, so text is sent by the line. */
static struct {
    int32_t file;
    uint32_t used;
    char line[256];
} console = {.file = -1};

void board_init(void) {
    console.file = semihosting_open(":tt", SEMIHOSTING_WRITE);
}

static void flush(void) {
    (void)semihosting_write(console.file, console.line, console.used);
    console.used = 0u;
}

void console_write(const char *text, size_t length) {
    for (size_t i = 0; i < length; ++i) {
        console.line[console.used++] = text[i];
        if (text[i] == '\n' || console.used == sizeof console.line) {
            flush();
        }
    }
}
