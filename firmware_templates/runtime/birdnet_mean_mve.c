/* birdnet_mean() for cores with Helium. */
#include "birdnet_kernels.h"

#include <stddef.h>

#if defined(__ARM_FEATURE_MVE)

#include "birdnet_mve.h"

birdnet_status_t birdnet_mean(const birdnet_mean_t *layer, const int8_t *input, int8_t *output) {
    if (layer == NULL || input == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const int32_t inner = layer->inner;
    for (int32_t a = 0; a < layer->outer; ++a) {
        for (int32_t c = 0; c < inner; c += 4) {
            const mve_pred16_t lanes = vctp32q((uint32_t)(inner - c));
            const int8_t *x = input + c;
            int32x4_t sum = vdupq_n_s32(layer->offset);
            for (int32_t b = layer->reduced; b > 0; --b) {
                sum = vaddq_s32(sum, vldrbq_z_s32(x, lanes));
                x += inner;
            }
            sum = birdnet_rescale_x4(sum, layer->scale, BIRDNET_ROUNDING_ANY);
            vstrbq_p_s32(output + c, birdnet_clamp_x4(sum, layer->result), lanes);
        }
        input += layer->reduced * inner;
        output += inner;
    }
    return BIRDNET_OK;
}

#endif
