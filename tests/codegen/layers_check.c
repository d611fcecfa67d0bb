/* Runs a generated network over the windows of windows.bin and prints the CRC-32 of each tensor. */
#include "layers_check.h"
#include "birdnet_network.h"
#include "crc32.h"

#if defined(__arm__)
#include "board.h"
#include "console.h"
#else
#include <stdio.h>

static void board_init(void) {
}

static void console_text(const char *text) {
    fputs(text, stdout);
}

static void console_unsigned(uint32_t value) {
    printf("%u", (unsigned)value);
}
#endif

__asm__(".pushsection .rodata\n"
        ".global windows\n"
        "windows: .incbin \"windows.bin\"\n"
        ".popsection\n");
extern const int8_t windows[WINDOWS][BIRDNET_INPUT_ELEMENTS];

static _Alignas(BIRDNET_ARENA_ALIGNMENT) uint8_t arena[BIRDNET_ARENA_BYTES]
    __attribute__((section(".birdnet_buffers")));

void layer_done(const int8_t *values, uint32_t elements) {
    uint32_t crc = CRC32_BEGIN;
    for (uint32_t i = 0; i < elements; ++i) {
        crc = crc32_add(crc, (uint8_t)values[i]);
    }
    console_unsigned(crc32_end(crc));
    console_text(" ");
}

int main(void) {
    birdnet_network_t network;
    board_init();
    if (birdnet_network_init(&network, arena, sizeof arena) != BIRDNET_OK) {
        return 1;
    }
    for (uint32_t i = 0; i < WINDOWS; ++i) {
        if (birdnet_network_set_input(&network, windows[i]) != BIRDNET_OK ||
            birdnet_network_invoke(&network) != BIRDNET_OK) {
            return 1;
        }
        console_text("\n");
    }
    return 0;
}
