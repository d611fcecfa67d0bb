/* birdnet_fully_connected() for cores with Helium. */
#include "birdnet_float.h"
#include "birdnet_kernels.h"

#include <stddef.h>

#if defined(__ARM_FEATURE_MVE)

#include "birdnet_mve.h"
#include "birdnet_requantize.h"

#include <math.h>

static int32_t dot(const int8_t *weights, const int8_t *input, int32_t channels, int32_t bias) {
    int32_t sum = bias;
    for (; channels > 0; channels -= 16) {
        const mve_pred16_t lanes = vctp8q((uint32_t)channels);
        sum = vmladavaq_s8(sum, vldrbq_z_s8(weights, lanes), vldrbq_z_s8(input, lanes));
        weights += 16;
        input += 16;
    }
    return sum;
}

birdnet_status_t birdnet_fully_connected(const birdnet_fully_connected_t *layer,
                                         const int8_t *input, int8_t *output) {
    if (layer == NULL || input == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const int32_t channels = layer->input_channels;
    for (int32_t r = 0; r < layer->rows; ++r) {
        const int8_t *weights = layer->weights;
        for (int32_t o = 0; o < layer->output_channels; ++o) {
            const int32_t sum = dot(weights, input, channels, layer->bias[o]);
            const int32_t scaled = (int32_t)round(layer->scales[o] * sum);
            *output++ = birdnet_clamp(scaled + layer->result.zero_point, layer->result.minimum,
                                      layer->result.maximum);
            weights += channels;
        }
        input += channels;
    }
    return BIRDNET_OK;
}

#endif
