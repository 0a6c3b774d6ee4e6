// The one definition of the command set. The C++ encoder and decoder (command.hpp) and the SystemVerilog package
// (gen_package) are made from these lists; docs/commands.md explains them. A command is 64 bytes: sixteen little-endian
// 32-bit words.
#pragma once
#include <cstdint>

namespace bitloom {

// X(name, value): opcode; bits [7:6] are the queue (0 load, 1 array, 2 vector, 3 store). END is taken by the command
// processor itself.
#define BITLOOM_OPCODES(X) \
  X(LOAD_NOP, 0x00)        \
  X(LOAD, 0x01)            \
  X(END, 0x3F)             \
  X(ARRAY_NOP, 0x40)       \
  X(GEMM, 0x41)            \
  X(VECTOR_NOP, 0x80)      \
  X(TILE, 0x81)            \
  X(UPDATE, 0x82)          \
  X(LOSS, 0x83)            \
  X(SCALAR, 0x84)          \
  X(TABLE_LOAD, 0x85)      \
  X(TABLE_STORE, 0x86)     \
  X(STORE_NOP, 0xC0)       \
  X(STORE, 0xC1)

// X(name, word, lsb, width): fields that every command has.
#define BITLOOM_COMMON_FIELDS(X) \
  X(OPCODE, 0, 0, 8)             \
  X(GROUP, 0, 8, 4)              \
  X(BATCH_BASE, 0, 12, 1)        \
  X(INDEX, 0, 16, 16)            \
  X(N0, 1, 0, 16)                \
  X(N1, 1, 16, 16)               \
  X(N2, 2, 0, 16)                \
  X(EXEC_LEVEL, 2, 16, 2)        \
  X(WAIT0, 3, 0, 8)              \
  X(WAIT1, 3, 8, 8)              \
  X(WAIT2, 3, 16, 8)             \
  X(SIGNAL0, 4, 0, 8)            \
  X(SIGNAL1, 4, 8, 8)            \
  X(SIGNAL2, 4, 16, 8)           \
  X(ADDR, 5, 0, 32)              \
  X(STRIDE0, 6, 0, 32)           \
  X(STRIDE1, 7, 0, 32)           \
  X(STRIDE2, 8, 0, 32)           \
  X(ROWS, 9, 0, 16)              \
  X(ROWS_LAST, 9, 16, 16)        \
  X(COLS, 10, 0, 16)             \
  X(COLS_LAST, 10, 16, 16)       \
  X(ROWS_DIM, 11, 0, 2)          \
  X(COLS_DIM, 11, 2, 2)          \
  X(PARITY0, 11, 4, 2)           \
  X(PARITY1, 11, 6, 2)           \
  X(BITS4, 11, 8, 1)             \
  X(PITCH, 12, 0, 32)

// X(name, word, lsb, width): fields with a meaning of their own in some commands.
#define BITLOOM_SPECIAL_FIELDS(X) \
  /* LOAD, STORE */               \
  X(TARGET, 13, 0, 4)             \
  X(LOCAL_BASE, 13, 16, 16)       \
  X(LOCAL_STRIDE, 14, 0, 16)      \
  X(LOCAL_PITCH, 14, 16, 16)      \
  /* GEMM */                      \
  X(B_STEP, 13, 0, 16)            \
  /* TILE, UPDATE, LOSS */        \
  X(RATIO_W, 5, 0, 12)            \
  X(MU16, 5, 16, 16)              \
  X(FLAGS, 12, 0, 16)             \
  X(ROUNDING, 12, 16, 2)          \
  X(RATIO, 13, 0, 12)             \
  X(STAT, 13, 12, 12)             \
  X(USE, 14, 0, 8)                \
  X(SAMPLE, 14, 8, 8)             \
  X(TENSOR, 14, 16, 16)           \
  X(VIN_BASE, 15, 0, 16)          \
  X(VIN_STRIDE, 15, 16, 16)       \
  /* SCALAR, TABLE_* */           \
  X(SCALAR_OP, 12, 0, 4)          \
  X(SCALAR_KEEP, 12, 4, 1)        \
  X(DST, 13, 0, 12)               \
  X(SRC_A, 13, 12, 12)            \
  X(SRC_B, 14, 0, 12)             \
  X(SRC_KEEP, 14, 12, 12)         \
  X(QMAX, 15, 0, 16)

// X(name, bit) of FLAGS. RAW, CODES and BIAS_OUT say where a TILE's results go.
#define BITLOOM_FLAGS(X) \
  X(FROM_VIN, 0)         \
  X(ADD_BIAS, 1)         \
  X(RELU, 2)             \
  X(MASK_IN, 3)          \
  X(MASK_OUT, 4)         \
  X(RAW_OUT, 5)          \
  X(CODES_OUT, 6)        \
  X(BIAS_OUT, 7)         \
  X(MASTER32, 8)         \
  X(UPDATE_HALF_UP, 9)

// X(name, value): TARGET of LOAD and of STORE.
#define BITLOOM_LOAD_TARGETS(X) \
  X(SPAD_A, 0)                  \
  X(SPAD_B, 1)                  \
  X(VIN, 2)
#define BITLOOM_STORE_SOURCES(X) \
  X(RAW, 0)                      \
  X(P1, 1)                       \
  X(P2, 2)                       \
  X(MASK, 3)

// X(name, value): SCALAR_OP and ROUNDING.
#define BITLOOM_SCALAR_OPS(X) \
  X(MUL, 0)                   \
  X(DIV, 1)                   \
  X(MAX_TO_SCALE, 2)          \
  X(COPY, 3)
#define BITLOOM_ROUNDINGS(X) \
  X(HALF_UP, 0)              \
  X(NEAREST_EVEN, 1)         \
  X(FLOOR, 2)                \
  X(STOCHASTIC, 3)

// X(name, value): the error register's code.
#define BITLOOM_ERRORS(X) \
  X(NONE, 0)              \
  X(READ_RESPONSE, 1)     \
  X(WRITE_RESPONSE, 2)    \
  X(ILLEGAL_OPCODE, 3)    \
  X(TOKEN_OVERFLOW, 4)    \
  X(TOKENS_LEFT, 5)

// X(name, byte offset): AXI4-Lite registers, 32 bits each.
#define BITLOOM_REGISTERS(X) \
  X(CONTROL, 0x00)           \
  X(STATUS, 0x04)            \
  X(ERROR, 0x08)             \
  X(SEED_LO, 0x10)           \
  X(SEED_HI, 0x14)           \
  X(STEP, 0x18)              \
  X(LEARNING_RATE, 0x1C)     \
  X(BASE, 0x20)              \
  X(BATCH, 0x24)             \
  X(PROGRAM, 0x28)           \
  X(PROGRAM_LENGTH, 0x2C)    \
  X(CYCLES_LO, 0x30)         \
  X(CYCLES_HI, 0x34)         \
  X(ID, 0x3C)

inline constexpr int kCommandBytes = 64;
inline constexpr int kCommandWords = 16;
inline constexpr int kQueues = 4;                 ///< load, array, vector, store
inline constexpr int kGroupMax = 4;               ///< commands in one loop group
inline constexpr int kTokenCounters = 32;         ///< id = from·8 + to·2 + channel
inline constexpr int kTokenMax = 255;             ///< a counter above this is TOKEN_OVERFLOW
inline constexpr int kTableLearningRate = 0xFFF;  ///< table index that reads the LEARNING_RATE register

}  // namespace bitloom
