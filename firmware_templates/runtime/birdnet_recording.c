#include "birdnet_recording.h"

uint32_t birdnet_window_count(uint32_t samples, uint32_t window_samples, uint32_t hop_samples) {
    if (samples == 0u) {
        return 0u;
    }
    if (samples <= window_samples || hop_samples == 0u) {
        return 1u;
    }
    return 2u + (samples - window_samples - 1u) / hop_samples;
}

uint32_t birdnet_window_start(uint32_t index, uint32_t samples, uint32_t window_samples,
                              uint32_t hop_samples) {
    const uint32_t last = samples > window_samples ? samples - window_samples : 0u;
    const uint32_t count = birdnet_window_count(samples, window_samples, hop_samples);
    return count > 1u && index < count - 1u ? index * hop_samples : last;
}
