/* birdnet_max_pool() for cores with Helium. */
#include "birdnet_kernels.h"

#include <stddef.h>

#if defined(__ARM_FEATURE_MVE)

#include "birdnet_mve.h"
#include "birdnet_window.h"

birdnet_status_t birdnet_max_pool(const birdnet_pool_t *layer, const int8_t *input,
                                  int8_t *output) {
    if (layer == NULL || input == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const birdnet_window_t *window = &layer->window;
    const int32_t width = layer->input.width;
    const int32_t channels = layer->input.channels;
    const int8x16_t minimum = vdupq_n_s8((int8_t)layer->minimum);
    const int8x16_t maximum = vdupq_n_s8((int8_t)layer->maximum);
    for (int32_t y = 0; y < layer->output.height; ++y) {
        const birdnet_taps_t rows = birdnet_taps(y, window->stride_height, window->pad_top,
                                                 window->height, layer->input.height);
        for (int32_t x = 0; x < layer->output.width; ++x) {
            const birdnet_taps_t columns =
                birdnet_taps(x, window->stride_width, window->pad_left, window->width, width);
            const int32_t corner =
                (rows.origin + rows.first) * width + columns.origin + columns.first;
            for (int32_t c = 0; c < channels; c += 16) {
                const mve_pred16_t lanes = vctp8q((uint32_t)(channels - c));
                const int8_t *row = input + corner * channels + c;
                int8x16_t largest = minimum;
                for (int32_t i = rows.end - rows.first; i > 0; --i) {
                    const int8_t *tap = row;
                    for (int32_t j = columns.end - columns.first; j > 0; --j) {
                        largest = vmaxq_s8(largest, vldrbq_z_s8(tap, lanes));
                        tap += channels;
                    }
                    row += width * channels;
                }
                vstrbq_p_s8(output + c, vminq_s8(largest, maximum), lanes);
            }
            output += channels;
        }
    }
    return BIRDNET_OK;
}

#endif
