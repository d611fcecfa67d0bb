/**
 * @file
 * Generated: the constants of the network, 464 bytes.
 */
#include "birdnet_network_id.h" /* before the guard, to detect another network */

#ifndef BIRDNET_WEIGHTS_H
#define BIRDNET_WEIGHTS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define birdnet_layer_1_weights BIRDNET_OF_NETWORK(birdnet_layer_1_weights)
#define birdnet_layer_1_bias BIRDNET_OF_NETWORK(birdnet_layer_1_bias)
#define birdnet_layer_1_multipliers BIRDNET_OF_NETWORK(birdnet_layer_1_multipliers)
#define birdnet_layer_1_shifts BIRDNET_OF_NETWORK(birdnet_layer_1_shifts)
#define birdnet_layer_2_weights BIRDNET_OF_NETWORK(birdnet_layer_2_weights)
#define birdnet_layer_2_bias BIRDNET_OF_NETWORK(birdnet_layer_2_bias)
#define birdnet_layer_2_multipliers BIRDNET_OF_NETWORK(birdnet_layer_2_multipliers)
#define birdnet_layer_2_shifts BIRDNET_OF_NETWORK(birdnet_layer_2_shifts)
#define birdnet_layer_5_weights BIRDNET_OF_NETWORK(birdnet_layer_5_weights)
#define birdnet_layer_5_bias BIRDNET_OF_NETWORK(birdnet_layer_5_bias)
#define birdnet_layer_5_scales BIRDNET_OF_NETWORK(birdnet_layer_5_scales)
#define birdnet_layer_6_table BIRDNET_OF_NETWORK(birdnet_layer_6_table)

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
