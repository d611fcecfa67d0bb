/* Reads quantized inputs from stdin, writes quantized outputs to stdout; with "float", real ones. */
#include "birdnet_network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static birdnet_network_t network;
static float real_input[BIRDNET_INPUT_ELEMENTS];
static float real_output[BIRDNET_OUTPUT_ELEMENTS];
static int8_t input[BIRDNET_INPUT_ELEMENTS];

static int run_quantized(void) {
    while (fread(input, 1, sizeof input, stdin) == sizeof input) {
        if (birdnet_network_set_input(&network, input) != BIRDNET_OK ||
            birdnet_network_invoke(&network) != BIRDNET_OK) {
            return EXIT_FAILURE;
        }
        fwrite(birdnet_network_output(&network), 1, BIRDNET_OUTPUT_ELEMENTS, stdout);
    }
    return EXIT_SUCCESS;
}

static int run_real(void) {
    while (fread(real_input, 1, sizeof real_input, stdin) == sizeof real_input) {
        if (birdnet_network_run(&network, real_input, real_output) != BIRDNET_OK) {
            return EXIT_FAILURE;
        }
        fwrite(real_output, 1, sizeof real_output, stdout);
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
    void *arena = aligned_alloc(BIRDNET_ARENA_ALIGNMENT, BIRDNET_ARENA_BYTES);
    if (arena == NULL ||
        birdnet_network_init(&network, arena, BIRDNET_ARENA_BYTES) != BIRDNET_OK) {
        return EXIT_FAILURE;
    }
    memset(arena, 0x5A, BIRDNET_ARENA_BYTES); /* nothing may rely on what was there before */
    const int status = argc > 1 && strcmp(argv[1], "float") == 0 ? run_real() : run_quantized();
    free(arena);
    return status;
}
