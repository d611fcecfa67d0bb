/* Runs the recordings of a list file: arguments are the program's name, the list and the dump to
 * write. */
#include "app_config.h"
#include "birdnet_recording.h"
#include "birdnet_resample_filters.h"
#include "birdnet_resampled_wav.h"
#include "birdnet_wav.h"
#include "board.h"
#include "classes.h"
#include "decisions.h"
#include "dump.h"
#include "inference.h"
#include "protocol.h"
#include "semihosting.h"

#include <string.h>

#define PATH_BYTES 256u

/* With the big buffers, since a window can be longer than the fast memory has room for. */
static struct {
    char arguments[1024];
    char path[PATH_BYTES];
    int16_t pcm[BIRDNET_WINDOW_SAMPLES];
    float scores[BIRDNET_OUTPUT_ELEMENTS];
    float pooled[BIRDNET_OUTPUT_ELEMENTS];
    detection_t detections[APP_TOP_K];
} buffers __attribute__((section(".birdnet_buffers")));

static inference_t inference;

typedef struct {
    int32_t file;
    uint32_t used;
    uint32_t filled;
    char block[256];
} list_t;

typedef enum { LIST_LINE, LIST_END, LIST_TOO_LONG } list_result_t;

static list_result_t list_next(list_t *list, char *path) {
    uint32_t length = 0;
    for (;;) {
        if (list->used == list->filled) {
            list->used = 0u;
            list->filled = (uint32_t)semihosting_read(list->file, list->block, sizeof list->block);
            if (list->filled == 0u) {
                break;
            }
        }
        const char character = list->block[list->used++];
        if (character == '\n') {
            if (length > 0u) {
                break;
            }
        } else if (length + 1u == PATH_BYTES) {
            return LIST_TOO_LONG;
        } else {
            path[length++] = character;
        }
    }
    path[length] = '\0';
    return length > 0u ? LIST_LINE : LIST_END;
}

static size_t source_read(void *context, void *buffer, size_t bytes) {
    return semihosting_read(*(const int32_t *)context, buffer, bytes);
}

static bool source_seek(void *context, uint64_t offset) {
    return offset <= UINT32_MAX && semihosting_seek(*(const int32_t *)context, (uint32_t)offset);
}

static const char *status_text(birdnet_status_t status) {
    return status == BIRDNET_OK ? NULL : "the inference failed";
}

static const char *dump_text(bool written) {
    return written ? NULL : "the dump cannot be written";
}

/* Runs the front end on buffers.pcm. Like all functions below that return a text: why it failed, or
 * NULL. */
static const char *run_front_end(int32_t dump) {
    const char *failure = dump_text(dump_features(dump, buffers.pcm));
    if (failure == NULL) {
        failure = status_text(inference_features(&inference, buffers.pcm));
    }
    if (failure == NULL) {
        failure = dump_text(dump_input(dump, &inference));
    }
    return failure;
}

static const char *run_network(int32_t dump, uint32_t first) {
    const char *failure = status_text(inference_invoke(&inference));
    if (failure == NULL) {
        failure = dump_text(dump_output(dump, &inference));
    }
    if (failure == NULL) {
        failure = status_text(inference_scores(&inference, buffers.scores));
    }
    if (failure == NULL) {
        detections_pool(buffers.pooled, buffers.scores, classes_count(&inference.network));
        failure = status_text(decisions_push(buffers.scores, first));
    }
    return failure;
}

/* A recording, and what converts its sample rate: NULL if it has the model's. */
typedef struct {
    birdnet_wav_t wav;
    const birdnet_resample_filter_t *filter;
    uint64_t samples; /* at the model's rate */
} recording_t;

#if BIRDNET_RESAMPLE_FILTERS > 0
static birdnet_resampler_t resampler;

static birdnet_wav_status_t open_recording(recording_t *recording, birdnet_wav_source_t source) {
    birdnet_wav_t *wav = &recording->wav;
    const birdnet_wav_status_t status =
        birdnet_wav_open(wav, source, BIRDNET_WAV_ANY_RATE, BIRDNET_WAV_MIX);
    recording->filter = birdnet_resample_find(birdnet_resample_filters, BIRDNET_RESAMPLE_FILTERS,
                                              wav->sample_rate_hz);
    recording->samples = recording->filter == NULL
                             ? wav->samples
                             : birdnet_resample_samples(recording->filter, wav->samples);
    if (status == BIRDNET_WAV_OK && recording->filter == NULL &&
        wav->sample_rate_hz != BIRDNET_SAMPLE_RATE_HZ) {
        wav->wanted_rate_hz = BIRDNET_SAMPLE_RATE_HZ; /* the refusal names it */
        return BIRDNET_WAV_ERROR_RATE;
    }
    return status;
}

static birdnet_wav_status_t read_recording(const recording_t *recording, uint32_t first) {
    return birdnet_resampled_wav_read(&recording->wav, recording->filter, &resampler, first,
                                      buffers.pcm, BIRDNET_WINDOW_SAMPLES);
}
#else
static birdnet_wav_status_t open_recording(recording_t *recording, birdnet_wav_source_t source) {
    const birdnet_wav_status_t status =
        birdnet_wav_open(&recording->wav, source, BIRDNET_SAMPLE_RATE_HZ, BIRDNET_WAV_MIX);
    recording->filter = NULL;
    recording->samples = recording->wav.samples;
    return status;
}

static birdnet_wav_status_t read_recording(const recording_t *recording, uint32_t first) {
    return birdnet_wav_read(&recording->wav, first, buffers.pcm, BIRDNET_WINDOW_SAMPLES);
}
#endif

static const char *run_window(const recording_t *source, uint32_t samples, uint32_t recording,
                              uint32_t window, int32_t dump) {
    const uint32_t first =
        birdnet_window_start(window, samples, BIRDNET_WINDOW_SAMPLES, BIRDNET_WINDOW_HOP_SAMPLES);
    const birdnet_wav_status_t read = read_recording(source, first);
    const char *failure = read == BIRDNET_WAV_OK ? NULL : "its samples cannot be read";
    if (failure == NULL) {
        failure = dump_text(dump_place(dump, recording, window, first));
    }
    if (failure == NULL) {
        failure = run_front_end(dump);
    }
    if (failure == NULL) {
        failure = run_network(dump, first);
    }
    if (failure == NULL) {
        protocol_window(recording, window);
    }
    return failure;
}

static const char *run_recording(const recording_t *source, uint32_t recording, int32_t dump) {
    const uint32_t samples = (uint32_t)source->samples;
    if (source->samples > UINT32_MAX) {
        return "it is longer than 2^32 - 1 samples";
    }
    const uint32_t windows =
        birdnet_window_count(samples, BIRDNET_WINDOW_SAMPLES, BIRDNET_WINDOW_HOP_SAMPLES);
    protocol_recording(recording, samples, windows, buffers.path);
    memset(buffers.pooled, 0, sizeof buffers.pooled);
    decisions_begin(recording);
    for (uint32_t window = 0; window < windows; ++window) {
        const char *failure = run_window(source, samples, recording, window, dump);
        if (failure != NULL) {
            return failure;
        }
    }
    const char *unfinished = status_text(decisions_finish(samples));
    if (unfinished != NULL) {
        return unfinished;
    }
    const uint32_t found =
        detections_select(buffers.pooled, classes_count(&inference.network),
                          classes_thresholds(&inference.network), buffers.detections, APP_TOP_K);
    for (uint32_t i = 0; i < found; ++i) {
        const detection_t *detection = &buffers.detections[i];
        protocol_detection(recording, detection,
                           classes_name(&inference.network, detection->label));
    }
    return NULL;
}

/* Opens, runs and closes the recording at buffers.path. */
static const char *take_recording(uint32_t recording, int32_t dump) {
    int32_t file = semihosting_open(buffers.path, SEMIHOSTING_READ);
    if (file < 0) {
        return "cannot be opened";
    }
    const int32_t length = semihosting_length(file);
    const birdnet_wav_source_t source = {.read = source_read,
                                         .seek = source_seek,
                                         .context = &file,
                                         .size_bytes = length < 0 ? 0u : (uint32_t)length};
    recording_t opened;
    const birdnet_wav_status_t status = open_recording(&opened, source);
    const char *failure = status == BIRDNET_WAV_OK ? run_recording(&opened, recording, dump)
                                                   : birdnet_wav_refusal(&opened.wav, status);
    (void)semihosting_close(file);
    return failure;
}

static int fail(const char *reason) {
    protocol_error(reason);
    return 1;
}

/* Splits off the text up to the next space; NULL when nothing is left. */
static char *next_argument(char **rest) {
    char *argument = *rest;
    if (argument == NULL || *argument == '\0') {
        return NULL;
    }
    char *space = strchr(argument, ' ');
    *rest = space == NULL ? NULL : space + 1;
    if (space != NULL) {
        *space = '\0';
    }
    return argument;
}

int main(void) {
    board_init();
    protocol_begin();

    char *rest = buffers.arguments;
    if (!semihosting_arguments(buffers.arguments, sizeof buffers.arguments)) {
        return fail("the arguments are too long");
    }
    (void)next_argument(&rest);
    const char *list_path = next_argument(&rest);
    const char *dump_path = next_argument(&rest);
    if (dump_path == NULL) {
        return fail("the arguments have to be: firmware LIST DUMP");
    }

    list_t list = {.file = semihosting_open(list_path, SEMIHOSTING_READ)};
    if (list.file < 0) {
        return fail("the list cannot be opened");
    }
    if (inference_init(&inference) != BIRDNET_OK) {
        return fail(inference_refusal(&inference));
    }
    if (decisions_init(&inference.network) != BIRDNET_OK) {
        return fail("the rules or thresholds of the events cannot be used");
    }
    protocol_rule();
#ifdef BIRDNET_SPLIT_HEAD
    protocol_head(&inference.network.head);
#endif
    const int32_t dump = semihosting_open(dump_path, SEMIHOSTING_WRITE);
    if (dump < 0 || !dump_begin(dump, &inference)) {
        return fail("the dump cannot be written");
    }

    uint32_t recordings = 0;
    uint32_t refused = 0;
    list_result_t result;
    while ((result = list_next(&list, buffers.path)) == LIST_LINE) {
        const char *failure = take_recording(recordings, dump);
        if (failure != NULL) {
            protocol_refused(recordings, failure, buffers.path);
            ++refused;
        }
        ++recordings;
    }
    if (result == LIST_TOO_LONG) {
        return fail("a path in the list is too long");
    }
    if (!semihosting_close(dump)) {
        return fail("the dump cannot be written");
    }
    protocol_done(recordings, refused);
    return refused == 0u ? 0 : 1;
}
