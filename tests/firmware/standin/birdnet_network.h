#ifndef BIRDNET_NETWORK_H
#define BIRDNET_NETWORK_H
#include "birdnet_status.h"
#include <stddef.h>
#include <stdint.h>
#define BIRDNET_INPUT_ELEMENTS 64u
#define BIRDNET_OUTPUT_ELEMENTS 3u
#define BIRDNET_ARENA_BYTES 80u
#define BIRDNET_ARENA_ALIGNMENT 16u
#define BIRDNET_OUTPUT_SCALE 0.00390625f
#define BIRDNET_OUTPUT_ZERO_POINT (-128)
#define BIRDNET_OUTPUT_IS_LOGIT 0
extern const char *const birdnet_labels[BIRDNET_OUTPUT_ELEMENTS];
typedef struct {
    int8_t *arena;
} birdnet_network_t;
birdnet_status_t birdnet_network_init(birdnet_network_t *network, void *arena, size_t arena_bytes);
int8_t *birdnet_network_input(const birdnet_network_t *network);
uint32_t birdnet_network_input_place(uint32_t element);
birdnet_status_t birdnet_network_set_input(const birdnet_network_t *network, const int8_t *input);
birdnet_status_t birdnet_network_get_input(const birdnet_network_t *network, int8_t *input);
const int8_t *birdnet_network_output(const birdnet_network_t *network);
birdnet_status_t birdnet_network_invoke(const birdnet_network_t *network);
birdnet_status_t birdnet_network_quantize(const birdnet_network_t *network, const float *input);
birdnet_status_t birdnet_network_dequantize(const birdnet_network_t *network, float *output);
#endif
