/* Class 0 is the first value, class 1 its opposite, class 2 the largest value. */
#include "birdnet_network.h"

birdnet_status_t birdnet_network_init(birdnet_network_t *network, void *arena, size_t arena_bytes) {
    network->arena = arena;
    return arena_bytes >= BIRDNET_ARENA_BYTES ? BIRDNET_OK : BIRDNET_ERROR_MEMORY;
}

int8_t *birdnet_network_input(const birdnet_network_t *network) {
    return network->arena;
}

uint32_t birdnet_network_input_place(uint32_t element) {
    return element;
}

birdnet_status_t birdnet_network_set_input(const birdnet_network_t *network, const int8_t *input) {
    for (uint32_t i = 0; i < BIRDNET_INPUT_ELEMENTS; ++i) {
        network->arena[i] = input[i];
    }
    return BIRDNET_OK;
}

birdnet_status_t birdnet_network_get_input(const birdnet_network_t *network, int8_t *input) {
    for (uint32_t i = 0; i < BIRDNET_INPUT_ELEMENTS; ++i) {
        input[i] = network->arena[i];
    }
    return BIRDNET_OK;
}

const int8_t *birdnet_network_output(const birdnet_network_t *network) {
    return network->arena + BIRDNET_INPUT_ELEMENTS;
}

birdnet_status_t birdnet_network_quantize(const birdnet_network_t *network, const float *input) {
    for (uint32_t i = 0; i < BIRDNET_INPUT_ELEMENTS; ++i) {
        network->arena[i] = (int8_t)(int32_t)(input[i] * 128.0f);
    }
    return BIRDNET_OK;
}

birdnet_status_t birdnet_network_invoke(const birdnet_network_t *network) {
#ifdef STANDIN_CRASH
    __builtin_trap();
#endif
#ifdef STANDIN_HANG
    for (volatile int i = 0;;) {
        (void)i;
    }
#endif
#ifdef STANDIN_OVERFLOW
    volatile uint8_t much[0x8000];
    for (uint32_t i = 0; i < sizeof much; ++i) {
        much[i] = 1u;
    }
#endif
    int8_t largest = -128;
    for (uint32_t i = 0; i < BIRDNET_INPUT_ELEMENTS; ++i) {
        largest = network->arena[i] > largest ? network->arena[i] : largest;
    }
    int8_t *output = network->arena + BIRDNET_INPUT_ELEMENTS;
    output[0] = network->arena[0];
    output[1] = (int8_t)(-1 - network->arena[0]);
    output[2] = largest;
    return BIRDNET_OK;
}

birdnet_status_t birdnet_network_dequantize(const birdnet_network_t *network, float *output) {
    for (uint32_t i = 0; i < BIRDNET_OUTPUT_ELEMENTS; ++i) {
        const int8_t value = birdnet_network_output(network)[i];
        output[i] = (float)(value - BIRDNET_OUTPUT_ZERO_POINT) * BIRDNET_OUTPUT_SCALE;
    }
    return BIRDNET_OK;
}
