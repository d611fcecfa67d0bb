/* An input of [3, 5, 2] that is stored as [5, 3, 2]. */
#include "birdnet_network.h"

#include <stdlib.h>
#include <string.h>

enum { ELEMENTS = 30 };

static _Alignas(BIRDNET_ARENA_ALIGNMENT) int8_t arena[BIRDNET_ARENA_BYTES];

static void require(int holds) {
    if (!holds) {
        abort();
    }
}

/* The input is 0 to 29 in the model's order. */
static void require_counting(const birdnet_network_t *network) {
    const int8_t *const input = birdnet_network_input(network);
    int8_t found[ELEMENTS];
    require(birdnet_network_get_input(network, found) == BIRDNET_OK);
    for (uint32_t i = 0; i < ELEMENTS; ++i) {
        require(found[i] == (int8_t)i);
        require(input[birdnet_network_input_place(i)] == (int8_t)i);
    }
    require(input[0] == 0 && input[2] == 10 && input[6] == 2);
}

int main(void) {
    birdnet_network_t network;
    float values[ELEMENTS];
    int8_t quantized[ELEMENTS];
    for (int i = 0; i < ELEMENTS; ++i) {
        values[i] = (float)i;
        quantized[i] = (int8_t)i;
    }
    require(birdnet_network_init(&network, arena, sizeof arena) == BIRDNET_OK);
    memset(arena, 99, sizeof arena);
    require(birdnet_network_quantize(&network, values) == BIRDNET_OK);
    require_counting(&network);
    memset(arena, 99, sizeof arena);
    require(birdnet_network_set_input(&network, quantized) == BIRDNET_OK);
    require_counting(&network);
    return 0;
}
