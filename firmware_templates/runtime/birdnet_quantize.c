#include "birdnet_float.h"
#include "birdnet_kernels.h"

#include <math.h>
#include <stddef.h>

birdnet_status_t birdnet_quantize(const birdnet_affine_t *layer, const float *input,
                                  int8_t *output) {
    return birdnet_quantize_to(layer, input, output, 1);
}

#if !(defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 2))

birdnet_status_t birdnet_quantize_to(const birdnet_affine_t *layer, const float *input,
                                     int8_t *output, int32_t stride) {
    if (layer == NULL || input == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const float minimum = (float)(INT8_MIN - layer->zero_point);
    const float maximum = (float)(INT8_MAX - layer->zero_point);
    for (int32_t i = 0; i < layer->elements; ++i) {
        float steps = roundf(input[i] / layer->scale);
        steps = steps < minimum ? minimum : steps;
        steps = steps > maximum ? maximum : steps;
        *output = (int8_t)(isnan(steps) ? layer->zero_point : (int32_t)steps + layer->zero_point);
        output += stride;
    }
    return BIRDNET_OK;
}

#endif
