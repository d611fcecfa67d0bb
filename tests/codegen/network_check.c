/* Runs a generated network over stored inputs and compares with stored outputs; for any core. */
#include "birdnet_network.h"
#include "network_cases.h"

#include <stdbool.h>
#include <string.h>

#if defined(__arm__)
#include "board.h"
#include "console.h"
#define GUARD 64
#else
/* AddressSanitizer has guards of its own. */
#define GUARD 0
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

enum { FILLING = 0x5A };

static _Alignas(BIRDNET_ARENA_ALIGNMENT) uint8_t memory[GUARD + BIRDNET_ARENA_BYTES + GUARD];

static bool is_filling(const uint8_t *begin, const uint8_t *end) {
    while (begin != end && *begin == FILLING) {
        ++begin;
    }
    return begin == end;
}

int main(void) {
    birdnet_network_t network;
    uint32_t wrong = 0;
    board_init();
    memset(memory, FILLING, sizeof memory); /* nothing may rely on what was there before */
    bool fine = birdnet_network_init(&network, memory + GUARD, BIRDNET_ARENA_BYTES) == BIRDNET_OK;
    for (uint32_t i = 0; fine && i < NETWORK_CASES; ++i) {
        fine = birdnet_network_set_input(&network, network_inputs[i]) == BIRDNET_OK &&
               birdnet_network_invoke(&network) == BIRDNET_OK;
        const int8_t *output = birdnet_network_output(&network);
        for (uint32_t o = 0; fine && o < BIRDNET_OUTPUT_ELEMENTS; ++o) {
            wrong += output[o] != network_outputs[i][o];
        }
    }
    console_unsigned(wrong);
    console_text(" differ\n");
    const uint8_t *behind = memory + GUARD + BIRDNET_ARENA_BYTES;
    if (!fine || !is_filling(memory, memory + GUARD) || !is_filling(behind, behind + GUARD)) {
        console_text("failed, or wrote outside of the arena\n");
        return 1;
    }
    return 0;
}
