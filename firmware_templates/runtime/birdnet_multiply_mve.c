/* birdnet_multiply() for cores with Helium. */
#include "birdnet_kernels.h"

#include <stddef.h>

#if defined(__ARM_FEATURE_MVE)

#include "birdnet_broadcast.h"
#include "birdnet_broadcast_mve.h"

birdnet_status_t birdnet_multiply(const birdnet_multiply_t *layer, const int8_t *first,
                                  const int8_t *second, int8_t *output) {
    if (layer == NULL || first == NULL || second == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const birdnet_broadcast_t *shape = &layer->shape;
    const int32_t first_stride = shape->first_strides[3];
    const int32_t second_stride = shape->second_strides[3];
    const int32_t first_zero_point = layer->first_zero_point;
    const int32_t second_zero_point = layer->second_zero_point;
    const birdnet_scale_t scale = layer->result_scale;
    const birdnet_output_t result = layer->result;
    const int32_t rows = birdnet_row_count(shape);
    for (int32_t r = 0; r < rows; ++r) {
        const birdnet_row_t row = birdnet_row(shape, r);
        const int8_t *a = first + row.first;
        const int8_t *b = second + row.second;
        for (int32_t i = 0; i < shape->sizes[3]; i += 4) {
            const mve_pred16_t lanes = vctp32q((uint32_t)(shape->sizes[3] - i));
            const int32x4_t x = birdnet_next_x4(a, first_stride, lanes);
            const int32x4_t y = birdnet_next_x4(b, second_stride, lanes);
            const int32x4_t product =
                vmulq_s32(vsubq_n_s32(x, first_zero_point), vsubq_n_s32(y, second_zero_point));
            const int32x4_t scaled = birdnet_rescale_x4(product, scale, BIRDNET_ROUNDING_ANY);
            vstrbq_p_s32(output + i, birdnet_clamp_x4(scaled, result), lanes);
            a += 4 * first_stride;
            b += 4 * second_stride;
        }
        output += shape->sizes[3];
    }
    return BIRDNET_OK;
}

#endif
