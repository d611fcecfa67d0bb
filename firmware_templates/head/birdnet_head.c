#include "birdnet_head.h"

#include "birdnet_float.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define LARGEST_INPUT 128 /* magnitude of an int8 value */
#define TABLE_BYTES 256u
/* A sum, and a sum times its scale, have to fit 32 bits with room for a zero point. */
#define SUM_LIMIT (INT32_MAX - 256)
#define CRC_FROM offsetof(birdnet_head_header_t, version)

static_assert(sizeof(birdnet_head_header_t) == 0x60, "no padding");
static_assert(offsetof(birdnet_head_header_t, version) == 0x10, "no padding");
static_assert(offsetof(birdnet_head_header_t, input_scale) == 0x40, "no padding");
static_assert(sizeof(double) == 8u && sizeof(float) == 4u, "the sizes of the layout");

/* Where the arrays of a head begin, in bytes from its first one. */
typedef struct {
    size_t bias;
    size_t thresholds;
    size_t table;
    size_t weights;
    size_t names;
    size_t end;
} places_t;

static uint32_t crc32(const uint8_t *bytes, size_t count) {
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < count; ++i) {
        crc ^= bytes[i];
        for (uint32_t bit = 0; bit < 8u; ++bit) {
            crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1u)));
        }
    }
    return ~crc;
}

/* With at most 4,096 classes and 8,192 channels, no sum and no product overflows 32 bits. The bytes
 * of the names are at most those of the section. */
static places_t places_of(const birdnet_head_header_t *header) {
    const size_t classes = header->classes;
    places_t at;
    at.bias = sizeof *header + classes * sizeof(double);
    at.thresholds = at.bias + classes * sizeof(int32_t);
    at.table = at.thresholds + classes * sizeof(float);
    at.weights = at.table + (header->output_is_logit != 0u ? 0u : TABLE_BYTES);
    at.names = at.weights + classes * header->channels;
    at.end = at.names + header->names_bytes;
    return at;
}

/* The header, and that all bytes that it speaks of are in the section and intact. */
static birdnet_head_status_t check_header(const birdnet_head_header_t *header, const void *section,
                                          size_t section_bytes) {
    if (header->magic != BIRDNET_HEAD_MAGIC) {
        return BIRDNET_HEAD_MISSING;
    }
    if (header->format != BIRDNET_HEAD_FORMAT) {
        return BIRDNET_HEAD_FORMAT_NEW;
    }
    if (header->size_bytes < sizeof *header || header->size_bytes > section_bytes ||
        header->size_bytes % BIRDNET_HEAD_ALIGNMENT != 0u) {
        return BIRDNET_HEAD_SIZE;
    }
    const uint32_t crc = crc32((const uint8_t *)section + CRC_FROM, header->size_bytes - CRC_FROM);
    return crc == header->crc32 ? BIRDNET_HEAD_OK : BIRDNET_HEAD_DAMAGED;
}

static birdnet_head_status_t check_fit(const birdnet_head_header_t *header,
                                       const birdnet_head_expectation_t *expected) {
    if (memcmp(header->backbone, expected->backbone, sizeof header->backbone) != 0 ||
        header->channels != expected->channels ||
        memcmp(&header->input_scale, &expected->input_scale, sizeof header->input_scale) != 0 ||
        header->input_zero_point != expected->input_zero_point) {
        return BIRDNET_HEAD_BACKBONE;
    }
    if (header->classes == 0u || header->classes > expected->max_classes ||
        header->classes > BIRDNET_HEAD_MAX_CLASSES ||
        header->channels > BIRDNET_HEAD_MAX_CHANNELS) {
        return BIRDNET_HEAD_CLASSES;
    }
    if (header->names_bytes > header->size_bytes || places_of(header).end != header->size_bytes) {
        return BIRDNET_HEAD_SIZE;
    }
    return BIRDNET_HEAD_OK;
}

static bool is_int8(int32_t value) {
    return value >= INT8_MIN && value <= INT8_MAX;
}

/* No comparison with NaN is true. */
static bool is_positive(double value, double limit) {
    return value > 0.0 && value <= limit;
}

/* That no sum of a class leaves 32 bits, and that no scaled sum does. */
static bool class_is_valid(const birdnet_head_header_t *header, double scale, int32_t bias,
                           float threshold, const int8_t *weights) {
    int64_t sum = bias < 0 ? -(int64_t)bias : bias;
    for (uint32_t i = 0; i < header->channels; ++i) {
        sum += LARGEST_INPUT * (int64_t)(weights[i] < 0 ? -weights[i] : weights[i]);
    }
    return sum <= SUM_LIMIT && is_positive(scale, (double)SUM_LIMIT) &&
           scale * (double)sum <= (double)SUM_LIMIT && is_positive((double)threshold, 1.0);
}

static bool numbers_are_valid(const birdnet_head_header_t *header, const uint8_t *bytes) {
    const places_t at = places_of(header);
    if (!is_int8(header->input_zero_point) || !is_int8(header->dense_zero_point) ||
        !is_int8(header->dense_minimum) || !is_int8(header->dense_maximum) ||
        !is_int8(header->output_zero_point) || header->dense_minimum > header->dense_maximum ||
        header->output_is_logit > 1u || !is_positive((double)header->input_scale, 1e30) ||
        !is_positive((double)header->output_scale, 1e30)) {
        return false;
    }
    for (uint32_t label = 0; label < header->classes; ++label) {
        double scale;
        int32_t bias;
        float threshold;
        memcpy(&scale, bytes + sizeof *header + label * sizeof scale, sizeof scale);
        memcpy(&bias, bytes + at.bias + label * sizeof bias, sizeof bias);
        memcpy(&threshold, bytes + at.thresholds + label * sizeof threshold, sizeof threshold);
        const int8_t *weights = (const int8_t *)bytes + at.weights + label * header->channels;
        if (!class_is_valid(header, scale, bias, threshold, weights)) {
            return false;
        }
    }
    return true;
}

/* As many texts as classes, none of them empty, and zeros after the last one. */
static bool names_are_valid(const birdnet_head_header_t *header, const char *names) {
    uint32_t count = 0;
    uint32_t length = 0;
    for (uint32_t i = 0; i < header->names_bytes; ++i) {
        if (names[i] != '\0') {
            ++length;
        } else if (length > 0u) {
            ++count;
            length = 0u;
        } else if (count != header->classes) {
            return false;
        }
    }
    return length == 0u && count == header->classes;
}

birdnet_head_status_t birdnet_head_open(birdnet_head_t *head,
                                        const birdnet_head_expectation_t *expected,
                                        const void *section, size_t section_bytes) {
    *head = (birdnet_head_t){.classes = 0u};
    if (section == NULL || (uintptr_t)section % BIRDNET_HEAD_ALIGNMENT != 0u) {
        return BIRDNET_HEAD_MISALIGNED;
    }
    birdnet_head_header_t header;
    if (section_bytes < sizeof header) {
        return BIRDNET_HEAD_SIZE;
    }
    const uint8_t *const bytes = section;
    memcpy(&header, bytes, sizeof header);
    birdnet_head_status_t status = check_header(&header, section, section_bytes);
    if (status == BIRDNET_HEAD_OK) {
        status = check_fit(&header, expected);
    }
    if (status != BIRDNET_HEAD_OK) {
        return status;
    }
    const places_t at = places_of(&header);
    if (!numbers_are_valid(&header, bytes) ||
        !names_are_valid(&header, (const char *)bytes + at.names)) {
        return BIRDNET_HEAD_VALUES;
    }
    *head = (birdnet_head_t){
        .version = header.version,
        .crc32 = header.crc32,
        .classes = header.classes,
        .output_is_logit = header.output_is_logit,
        .dense =
            {
                .rows = 1,
                .input_channels = (int32_t)header.channels,
                .output_channels = (int32_t)header.classes,
                .result = {.zero_point = header.dense_zero_point,
                           .minimum = header.dense_minimum,
                           .maximum = header.dense_maximum},
                .weights = (const int8_t *)bytes + at.weights,
                .bias = (const int32_t *)(const void *)(bytes + at.bias),
                .scales = (const double *)(const void *)(bytes + sizeof header),
            },
        .output = {.elements = (int32_t)header.classes,
                   .scale = header.output_scale,
                   .zero_point = header.output_zero_point},
        .table = header.output_is_logit != 0u ? NULL : (const int8_t *)bytes + at.table,
        .thresholds = (const float *)(const void *)(bytes + at.thresholds),
        .names = (const char *)bytes + at.names,
    };
    return BIRDNET_HEAD_OK;
}

const char *birdnet_head_status_text(birdnet_head_status_t status) {
    switch (status) {
    case BIRDNET_HEAD_OK:
        return "the head fits";
    case BIRDNET_HEAD_MISSING:
        return "there is no head in its section";
    case BIRDNET_HEAD_FORMAT_NEW:
        return "the head has a format that this firmware does not know";
    case BIRDNET_HEAD_SIZE:
        return "the head has a wrong size, or does not fit into its section";
    case BIRDNET_HEAD_DAMAGED:
        return "the head is damaged: its CRC-32 is wrong";
    case BIRDNET_HEAD_BACKBONE:
        return "the head was made for another backbone";
    case BIRDNET_HEAD_CLASSES:
        return "the head has more classes than this firmware has memory for, or none";
    case BIRDNET_HEAD_VALUES:
        return "the head holds a number or a name that is not valid";
    case BIRDNET_HEAD_MISALIGNED:
        break;
    }
    return "the section of the head is not aligned to 8 bytes";
}

const char *birdnet_head_name(const birdnet_head_t *head, uint32_t label) {
    if (head == NULL || label >= head->classes) {
        return "";
    }
    const char *name = head->names;
    for (; label > 0u; --label) {
        name += strlen(name) + 1u;
    }
    return name;
}

birdnet_status_t birdnet_head_run(const birdnet_head_t *head, const int8_t *input, int8_t *output) {
    if (head == NULL || head->classes == 0u) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const birdnet_status_t status = birdnet_fully_connected(&head->dense, input, output);
    if (status != BIRDNET_OK || head->table == NULL) {
        return status;
    }
    const birdnet_lookup_t sigmoid = {.elements = (int32_t)head->classes, .table = head->table};
    return birdnet_lookup(&sigmoid, output, output);
}
