// A .tflite behind tflite-micro's interpreter, with the operators of the model and no others.
#include "peer.h"

extern "C" {
#include "console.h"
}
#include "model.h"
#include "tensorflow/lite/micro/debug_log.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

#include <cstring>
#include <new>

namespace {

constexpr size_t kMostAttempts = 64;

alignas(tflite::MicroInterpreter) uint8_t interpreter_memory[sizeof(tflite::MicroInterpreter)];
tflite::MicroInterpreter *interpreter;

const tflite::MicroOpResolver &Resolver() {
    static tflite::MicroMutableOpResolver<PEER_OPERATOR_COUNT> resolver;
    static bool filled = false;
    if (!filled) {
        PEER_ADD_OPERATORS;
        filled = true;
    }
    return resolver;
}

bool Allocate(uint8_t *memory, size_t bytes) {
    interpreter = new (interpreter_memory)
        tflite::MicroInterpreter(tflite::GetModel(peer_model), Resolver(), memory, bytes);
    return interpreter->AllocateTensors() == kTfLiteOk;
}

} // namespace

// Only a build with messages calls it: they name the operator that cannot run.
extern "C" void DebugLog(const char *format, va_list values) {
    for (; *format != '\0'; ++format) {
        if (std::strncmp(format, "%s", 2) == 0) {
            console_text(va_arg(values, const char *));
            ++format;
        } else if (std::strncmp(format, "%d", 2) == 0 || std::strncmp(format, "%u", 2) == 0) {
            console_unsigned(static_cast<uint32_t>(va_arg(values, int)));
            ++format;
        } else {
            console_write(format, 1);
        }
    }
}

extern "C" int DebugVsnprintf(char *, size_t, const char *, va_list) {
    return 0;
}

extern "C" size_t peer_prepare(uint8_t *memory, size_t bytes) {
    if (!Allocate(memory, bytes)) {
        console_text("profile failed its tensors cannot be allocated\n");
        return 0;
    }
    // Both ends of the arena are used: only a second start shows how small it may be.
    const size_t used = interpreter->arena_used_bytes();
    for (size_t attempt = 0; attempt < kMostAttempts; ++attempt) {
        const size_t tried = used + 16 * attempt;
        if (Allocate(memory, tried)) {
            return tried;
        }
    }
    console_text("profile failed its arena is larger than it says\n");
    return 0;
}

extern "C" float *peer_input(void) {
    return interpreter->input(0)->data.f;
}

extern "C" bool peer_run(void) {
    return interpreter->Invoke() == kTfLiteOk;
}

extern "C" const float *peer_output(void) {
    return interpreter->output(0)->data.f;
}

extern "C" uint32_t peer_scratch_bytes(void) {
    return 0;
}
