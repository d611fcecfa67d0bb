#include "detections.h"

void detections_pool(float *pooled, const float *scores, uint32_t classes) {
    for (uint32_t i = 0; i < classes; ++i) {
        if (scores[i] > pooled[i]) {
            pooled[i] = scores[i];
        }
    }
}

uint32_t detections_select(const float *pooled, uint32_t classes, const float *thresholds,
                           detection_t *detections, uint32_t capacity) {
    uint32_t count = 0;
    for (uint32_t label = 0; label < classes; ++label) {
        const float probability = pooled[label];
        if (!(probability >= thresholds[label])) {
            continue;
        }
        uint32_t place = count;
        while (place > 0u && detections[place - 1u].probability < probability) {
            --place;
        }
        if (place >= capacity) {
            continue;
        }
        if (count < capacity) {
            ++count;
        }
        for (uint32_t i = count - 1u; i > place; --i) {
            detections[i] = detections[i - 1u];
        }
        detections[place] = (detection_t){.label = label, .probability = probability};
    }
    return count;
}
