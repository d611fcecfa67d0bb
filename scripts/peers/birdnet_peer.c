/* A network that was generated as birdnet_network.c, with our kernels or those of CMSIS-NN. */
#include "birdnet_network.h"
#include "console.h"
#include "peer.h"

static float input[BIRDNET_INPUT_ELEMENTS] __attribute__((section(".birdnet_buffers")));
static float output[BIRDNET_OUTPUT_ELEMENTS];
static birdnet_network_t network;

size_t peer_prepare(uint8_t *memory, size_t bytes) {
    if (birdnet_network_init(&network, memory, bytes) != BIRDNET_OK) {
        console_text("profile failed its arena does not fit\n");
        return 0u;
    }
    return BIRDNET_ARENA_BYTES;
}

float *peer_input(void) {
    return input;
}

bool peer_run(void) {
    return birdnet_network_run(&network, input, output) == BIRDNET_OK;
}

const float *peer_output(void) {
    return output;
}

/* CMSIS-NN's calls define their own. */
__attribute__((weak)) uint32_t peer_scratch_bytes(void) {
    return 0u;
}
