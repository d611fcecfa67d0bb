/**
 * @file
 * Start positions of the windows of a recording.
 *
 * A window starts every hop. The last window is moved back so that it ends with the recording; it
 * is not filled with zeros. Only a recording that is shorter than a window is filled with zeros at
 * its end. The accuracy of the model was measured with these windows. Other windows give other
 * detections.
 */
#ifndef BIRDNET_RECORDING_H
#define BIRDNET_RECORDING_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The number of windows; 0 for an empty recording.
 *
 * @param samples        samples of the recording
 * @param window_samples BIRDNET_WINDOW_SAMPLES
 * @param hop_samples    BIRDNET_WINDOW_HOP_SAMPLES; at least 1, otherwise there is one window
 */
uint32_t birdnet_window_count(uint32_t samples, uint32_t window_samples, uint32_t hop_samples);

/**
 * The first sample of a window. The window has window_samples samples. Samples after the end of a
 * shorter recording are 0.
 *
 * @param index below birdnet_window_count(); for larger numbers the result is the start of the last
 * window
 */
uint32_t birdnet_window_start(uint32_t index, uint32_t samples, uint32_t window_samples,
                              uint32_t hop_samples);

#ifdef __cplusplus
}
#endif

#endif
