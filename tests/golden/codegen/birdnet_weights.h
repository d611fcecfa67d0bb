/**
 * @file
 * Generated: the network's constants, 464 bytes.
 */
#ifndef BIRDNET_WEIGHTS_H
#define BIRDNET_WEIGHTS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

extern const int8_t birdnet_layer_1_weights[64];
extern const int32_t birdnet_layer_1_bias[4];
extern const int32_t birdnet_layer_1_multipliers[4];
extern const int8_t birdnet_layer_1_shifts[4];
extern const int8_t birdnet_layer_2_weights[12];
extern const int32_t birdnet_layer_2_bias[4];
extern const int32_t birdnet_layer_2_multipliers[4];
extern const int8_t birdnet_layer_2_shifts[4];
extern const int8_t birdnet_layer_5_weights[12];
extern const int32_t birdnet_layer_5_bias[4];
extern const double birdnet_layer_5_scales[4];
extern const int8_t birdnet_layer_6_table[256];

#ifdef __cplusplus
}
#endif

#endif
