#include "birdnet_float.h"
#include "birdnet_kernels.h"

#include <stddef.h>

birdnet_status_t birdnet_dequantize(const birdnet_affine_t *layer, const int8_t *input,
                                    float *output) {
    if (layer == NULL || input == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    for (int32_t i = 0; i < layer->elements; ++i) {
        output[i] = layer->scale * (float)(input[i] - layer->zero_point);
    }
    return BIRDNET_OK;
}
