/**
 * @file
 * Where the windows of a recording start.
 *
 * There is one every hop, and the last is moved back so that it ends with the recording: it is
 * never filled up with zeros. Only a recording shorter than a window is, at its end, and is one
 * window. The model's accuracy was measured with these windows; others give other detections.
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
 * @param samples        of the recording
 * @param window_samples BIRDNET_WINDOW_SAMPLES
 * @param hop_samples    BIRDNET_WINDOW_HOP_SAMPLES; at least 1, else there is one window
 */
uint32_t birdnet_window_count(uint32_t samples, uint32_t window_samples, uint32_t hop_samples);

/**
 * The first sample of a window. It has window_samples samples; what lies behind the end of a
 * shorter recording is 0.
 *
 * @param index below birdnet_window_count(); from there on, the last window's start
 */
uint32_t birdnet_window_start(uint32_t index, uint32_t samples, uint32_t window_samples,
                              uint32_t hop_samples);

#ifdef __cplusplus
}
#endif

#endif
