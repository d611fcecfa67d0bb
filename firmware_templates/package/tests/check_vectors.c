/* Proves the port: runs the front end and the network on the stored windows and compares the
 * results with the stored ones, which LiteRT's reference kernels computed.
 *
 * The outputs for a stored input have to be equal, bit by bit. Of the int8 inputs that the front
 * end computes, BIRDNET_TEST_MAX_DIFFERING may differ by one, and none by more: sums of
 * floating-point numbers round differently on every processor. */
#include "birdnet_frontend_config.h"
#include "birdnet_network.h"
#include "birdnet_test_vectors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static _Alignas(BIRDNET_ARENA_ALIGNMENT) int8_t arena[BIRDNET_ARENA_BYTES];
static double scratch[BIRDNET_FRONTEND_SCRATCH_ELEMENTS];
static int8_t input[BIRDNET_INPUT_ELEMENTS];

static void fail(uint32_t window, const char *what, uint32_t element, int expected, int actual) {
    printf("window %" PRIu32 ": %s %" PRIu32 " is %d, expected %d\n", window, what, element, actual,
           expected);
    exit(EXIT_FAILURE);
}

static void require(birdnet_status_t status, const char *what) {
    if (status != BIRDNET_OK) {
        printf("%s failed with status %d\n", what, (int)status);
        exit(EXIT_FAILURE);
    }
}

int main(void) {
    birdnet_network_t network;
    require(birdnet_network_init(&network, arena, sizeof arena), "birdnet_network_init");
#ifdef BIRDNET_SPLIT_HEAD
    if (birdnet_network_use_head(&network, birdnet_head_section(), BIRDNET_HEAD_SECTION_BYTES) !=
        BIRDNET_HEAD_OK) {
        printf("the head is refused\n");
        return EXIT_FAILURE;
    }
    const uint32_t outputs = BIRDNET_TEST_CLASSES;
#else
    const uint32_t outputs = BIRDNET_OUTPUT_ELEMENTS;
#endif
    for (uint32_t window = 0; window < BIRDNET_TEST_VECTOR_COUNT; ++window) {
        const birdnet_test_vector_t *const stored = &birdnet_test_vectors[window];
        require(birdnet_frontend_feed(&network, stored->pcm, scratch), "birdnet_frontend_feed");
        require(birdnet_network_get_input(&network, input), "birdnet_network_get_input");
        uint32_t differing = 0;
        for (uint32_t i = 0; i < BIRDNET_INPUT_ELEMENTS; ++i) {
            const int difference = input[i] - stored->quantized_input[i];
            differing += difference != 0;
            if (difference < -1 || difference > 1 || differing > BIRDNET_TEST_MAX_DIFFERING) {
                fail(window, "input", i, stored->quantized_input[i], input[i]);
            }
        }
        require(birdnet_network_set_input(&network, stored->quantized_input),
                "birdnet_network_set_input");
        require(birdnet_network_invoke(&network), "birdnet_network_invoke");
        const int8_t *const output = birdnet_network_output(&network);
        for (uint32_t i = 0; i < outputs; ++i) {
            if (output[i] != stored->output[i]) {
                fail(window, "output", i, stored->output[i], output[i]);
            }
        }
        printf("window %" PRIu32 ": %u inputs, %" PRIu32 " off by one; %" PRIu32 " outputs equal\n",
               window, BIRDNET_INPUT_ELEMENTS, differing, outputs);
    }
    return EXIT_SUCCESS;
}
