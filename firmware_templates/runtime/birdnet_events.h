/**
 * @file
 * Decisions: from the probabilities of windows to events, which say what called, from when to when.
 *
 * For each class alone:
 *
 * 1. A window *reaches* if its probability is at least the threshold of the class, and the class is
 *    allowed in it.
 * 2. As many windows as the rule says, one after the other, decide together. They say yes if enough
 *    of them reach, or if their average or their log-mean-exp reaches the threshold. A recording
 *    with fewer windows is decided by all of them, and a need of more becomes a need of all.
 * 3. A window *counts* if it reaches, and is among windows that say yes.
 * 4. Windows that count are taken one after the other. One belongs to the event before it if it is
 *    at most `join` windows later than that event's last one, and the event does not become too
 *    long. Otherwise that event ends, and the window begins another one, unless it starts during
 *    the hold-off, or as many events as allowed began in its hour; then it is left out.
 * 5. An event goes from the start of its first window to the end of its last one.
 *
 * Use: birdnet_events_init() once, birdnet_events_use_rule() for each class that has a rule of its
 * own, then for each recording birdnet_events_begin(), birdnet_events_push() for each window, and
 * birdnet_events_finish(). A microphone is a recording that never ends: only birdnet_events_push().
 *
 * Everything is computed with integers, so that every processor and compiler gives the same events
 * as the Python definition, to the last bit. There is no heap; the caller owns the memory, and it
 * does not grow.
 */
#ifndef BIRDNET_EVENTS_H
#define BIRDNET_EVENTS_H

#include "birdnet_status.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Greatest number of windows that decide together. */
#define BIRDNET_EVENTS_MOST_WINDOWS 32u
/** The probability 1 as an integer. Probabilities have 24 bits after the point. */
#define BIRDNET_EVENTS_ONE 16777216u

/** How windows decide together. */
typedef enum {
    BIRDNET_EVENTS_CONFIRM = 0,      /**< `need` of them reach the threshold */
    BIRDNET_EVENTS_AVERAGE = 1,      /**< their average reaches it */
    BIRDNET_EVENTS_LOG_MEAN_EXP = 2, /**< log(mean(exp(10 p))) / 10, a soft maximum, reaches it */
} birdnet_judgement_t;

/** When a class is heard, and what one event of it is. */
typedef struct {
    birdnet_judgement_t judgement;
    uint32_t need;             /**< for CONFIRM: 1 to `windows`; otherwise 1 */
    uint32_t windows;          /**< how many decide together, 1 to BIRDNET_EVENTS_MOST_WINDOWS */
    uint32_t join;             /**< at least 1 */
    uint32_t longest_samples;  /**< greatest length of an event of more than one window */
    uint32_t most_per_hour;    /**< events that begin in one hour of the recording; 0: any number */
    uint64_t hold_off_samples; /**< after an event, until another one can begin; 0: no time */
} birdnet_event_rule_t;

/** What called, and when. Positions are samples from the start of the recording. */
typedef struct {
    uint32_t label;         /**< index of the class */
    uint32_t score;         /**< greatest probability of the windows that count, as an integer */
    uint64_t start_samples; /**< start of the first window that counts */
    uint64_t end_samples;   /**< end of the last window that counts */
} birdnet_event_t;

/**
 * What became of the windows of a class that had at least the threshold: why it was reported, or
 * was not. `reached` is the sum of the others, once the recording is finished.
 */
typedef struct {
    uint32_t reached;
    uint32_t not_allowed; /**< the class was not allowed */
    uint32_t unconfirmed; /**< the windows that decide together said no */
    uint32_t held_off;    /**< an event had just ended, and none could begin */
    uint32_t over_limit;  /**< enough events had begun in that hour */
    uint32_t in_events;
} birdnet_events_tally_t;

/** One class. Only `tally` is for the caller. */
typedef struct {
    const birdnet_event_rule_t *rule;
    birdnet_events_tally_t tally;
    uint32_t threshold;
    uint32_t reaches; /* bit 0: the newest window; bit 1: the one before it; and so on */
    uint32_t counts;  /* the same, for windows that count */
    uint32_t last;    /* number of the last window of the open event */
    uint32_t hour;    /* of the last event that began */
    uint32_t begun;   /* events in that hour */
    bool is_open;
    birdnet_event_t event; /* the open one */
    uint64_t free_from;    /* end of the hold-off */
} birdnet_events_class_t;

/** Memory for the decisions. */
typedef struct {
    birdnet_events_class_t *classes; /**< [classes] */
    uint32_t *recent;                /**< [windows, classes] */
    uint64_t *starts;                /**< [windows] */
    uint32_t windows;                /**< the most of all rules that decide together */
} birdnet_events_memory_t;

/** All classes. */
typedef struct {
    birdnet_events_memory_t memory;
    uint32_t classes;
    uint32_t window_samples;
    uint32_t hour_samples;
    uint32_t pushed; /* windows of this recording */
} birdnet_events_t;

/** Called for each event that has ended. */
typedef void (*birdnet_events_report_t)(void *context, const birdnet_event_t *event);

/**
 * Prepare the decisions and begin a recording.
 *
 * @param memory         belongs to `events` from now on
 * @param classes        at least 1
 * @param thresholds     [classes] probability from which a window counts, above 0 and up to 1
 * @param rule           of all classes; has to stay as long as `events`
 * @param sample_rate_hz 1 to 1,000,000
 * @param window_samples at least 1
 * @return BIRDNET_ERROR_ARGUMENT: a pointer is null, or a number is out of its range;
 *         BIRDNET_ERROR_MEMORY: the rule needs more windows
 */
birdnet_status_t birdnet_events_init(birdnet_events_t *events, birdnet_events_memory_t memory,
                                     uint32_t classes, const float *thresholds,
                                     const birdnet_event_rule_t *rule, uint32_t sample_rate_hz,
                                     uint32_t window_samples);

/**
 * Give a class its own rule, before the first window of a recording.
 *
 * @return as birdnet_events_init()
 */
birdnet_status_t birdnet_events_use_rule(birdnet_events_t *events, uint32_t label,
                                         const birdnet_event_rule_t *rule);

/** Begin another recording. Events that have not ended are forgotten. */
birdnet_status_t birdnet_events_begin(birdnet_events_t *events);

/**
 * Take the next window of the recording.
 *
 * @param probabilities [classes]; not-a-number counts as 0
 * @param start_samples start of the window, after that of the window before
 * @param allowed       [classes] bytes, 0: the class may not be heard in this window; null: all may
 * @param report        called during this call with each event that has ended
 */
birdnet_status_t birdnet_events_push(birdnet_events_t *events, const float *probabilities,
                                     uint64_t start_samples, const uint8_t *allowed,
                                     birdnet_events_report_t report, void *context);

/**
 * End the recording: report the events that were not over yet. Then birdnet_events_begin().
 *
 * @param samples length of the recording. It matters if that is shorter than a window.
 */
birdnet_status_t birdnet_events_finish(birdnet_events_t *events, uint64_t samples,
                                       birdnet_events_report_t report, void *context);

/** A probability as an integer, rounded down: 0 to BIRDNET_EVENTS_ONE. */
uint32_t birdnet_events_integer(float probability);

/** The probability of a score, exactly. */
float birdnet_events_probability(uint32_t score);

#ifdef __cplusplus
}
#endif

#endif
