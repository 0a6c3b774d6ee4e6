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
  X(LOAD_SHAPE, 0x02)      \
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
  X(AFFINE, 0x87)          \
  X(REDUCE, 0x88)          \
  X(POOL, 0x89)            \
  X(ADAM, 0x8A)            \
  X(STORE_NOP, 0xC0)       \
  X(STORE, 0xC1)           \
  X(STORE_SHAPE, 0xC2)

// X(name, word, lsb, width): fields that every command has.
#define BITLOOM_COMMON_FIELDS(X) \
  X(OPCODE, 0, 0, 8)             \
  X(INDEX, 0, 8, 24)             \
  X(N1, 1, 0, 32)                \
  X(N0, 2, 0, 16)                \
  X(N2, 2, 16, 16)               \
  X(WAIT0, 3, 0, 8)              \
  X(WAIT1, 3, 8, 8)              \
  X(WAIT2, 3, 16, 8)             \
  X(GROUP, 3, 24, 4)             \
  X(EXEC_LEVEL, 3, 28, 2)        \
  X(BATCH_BASE, 3, 30, 1)        \
  X(SIGNAL0, 4, 0, 8)            \
  X(SIGNAL1, 4, 8, 8)            \
  X(SIGNAL2, 4, 16, 8)           \
  X(ROWS, 9, 0, 16)              \
  X(ROWS_LAST, 9, 16, 16)        \
  X(COLS, 10, 0, 16)             \
  X(COLS_LAST, 10, 16, 16)       \
  X(ROWS_DIM, 11, 0, 2)          \
  X(COLS_DIM, 11, 2, 2)          \
  X(PARITY0, 11, 4, 2)           \
  X(PARITY1, 11, 6, 2)           \
  X(COL_BASE, 11, 16, 16)

// X(name, word, lsb, width): fields with a meaning of their own in some commands.
#define BITLOOM_SPECIAL_FIELDS(X) \
  /* LOAD, STORE */               \
  X(ADDR, 5, 0, 32)               \
  X(STRIDE0, 6, 0, 32)            \
  X(STRIDE1, 7, 0, 32)            \
  X(STRIDE2, 8, 0, 32)            \
  X(PITCH, 12, 0, 32)             \
  X(TARGET, 13, 0, 2)             \
  X(SHAPED, 13, 2, 1)             \
  X(SHAPE, 13, 3, 2)              \
  X(TRANSPOSE, 13, 5, 1)          \
  X(TAP_LOOP, 13, 6, 1)           \
  X(PAD_MIN, 13, 7, 1)            \
  X(MEMORY_BITS, 13, 8, 3)        \
  X(LOCAL_BITS, 13, 11, 3)        \
  X(EXPAND, 13, 14, 2)            \
  X(LOCAL_BASE, 13, 16, 16)       \
  X(LOCAL_STRIDE, 14, 0, 16)      \
  X(LOCAL_PITCH, 14, 16, 16)      \
  X(LINES, 11, 8, 1)              \
  X(ADDR_HIGH, 15, 0, 32)         \
  /* LOAD_SHAPE, STORE_SHAPE */   \
  X(EXTENT_X, 5, 0, 16)           \
  X(EXTENT_Y, 5, 16, 16)          \
  X(LIMIT_X, 6, 0, 16)            \
  X(LIMIT_Y, 6, 16, 16)           \
  X(OFFSET_X, 7, 0, 16)           \
  X(OFFSET_Y, 7, 16, 16)          \
  X(SCALE_X, 8, 0, 4)             \
  X(SCALE_Y, 8, 4, 4)             \
  X(TAP_X, 8, 8, 8)               \
  X(TAP_Y, 8, 16, 8)              \
  X(SLOT, 8, 24, 2)               \
  X(LINE_PITCH, 12, 0, 32)        \
  X(IMAGE_PITCH, 13, 0, 32)       \
  X(PIXEL_PITCH, 9, 0, 32)        \
  X(SEGMENT, 14, 16, 16)          \
  X(TAPS_X, 15, 0, 8)             \
  X(TAPS_Y, 15, 8, 8)             \
  X(SEGMENT_BASE, 15, 16, 16)     \
  /* GEMM */                      \
  X(B_STEP, 13, 0, 16)            \
  X(MODE, 13, 16, 2)              \
  X(A_KIND, 13, 18, 2)            \
  X(B_KIND, 13, 20, 2)            \
  X(A_STEP, 14, 0, 16)            \
  X(B_LOOP, 14, 16, 1)            \
  X(SUM_LOOP, 14, 17, 2)          \
  /* vector commands */           \
  X(LIMIT, 5, 0, 16)              \
  X(MU16, 5, 16, 16)              \
  X(QMAX, 6, 0, 16)               \
  X(QUANTIZER, 6, 16, 2)          \
  X(UNSIGNED, 6, 18, 1)           \
  X(MASK_RULE, 6, 19, 2)          \
  X(COEF_SCALAR, 6, 21, 1)        \
  X(REDUCE_KIND, 6, 22, 2)        \
  X(AXIS_ALL, 6, 24, 1)           \
  X(POOL_OP, 6, 25, 2)            \
  X(ROW_STEP0, 7, 0, 32)          \
  X(ADDEND, 8, 0, 16)             \
  X(RATIO_W, 8, 16, 16)           \
  X(CODE0, 4, 24, 8)              \
  X(CODE1, 7, 0, 8)               \
  X(CODE2, 7, 8, 8)               \
  X(FLAGS, 12, 0, 16)             \
  X(ROUNDING, 12, 16, 3)          \
  X(RAW16, 12, 19, 1)             \
  X(STAT_SLOT, 12, 20, 1)         \
  X(SUMS, 12, 21, 1)              \
  X(STAT_KEEP, 12, 22, 1)         \
  X(ACC_ALL, 12, 23, 1)           \
  X(RAW_SHIFT, 12, 24, 4)         \
  X(SUMS_KEEP, 12, 28, 1)         \
  X(MASK_PACKED, 12, 29, 1)       \
  X(RATIO, 13, 0, 16)             \
  X(STAT, 13, 16, 16)             \
  X(USE, 14, 0, 8)                \
  X(SAMPLE, 14, 8, 8)             \
  X(TENSOR, 14, 16, 16)           \
  X(VIN_BASE, 15, 0, 16)          \
  X(VIN_STRIDE, 15, 16, 16)       \
  /* SCALAR, TABLE_* */           \
  X(SRC_N, 5, 0, 16)              \
  X(IMMEDIATE, 5, 16, 16)         \
  X(TABLE_PITCH, 6, 0, 16)        \
  X(VECTOR_A, 6, 16, 1)           \
  X(VECTOR_B, 6, 17, 1)           \
  X(VECTOR_C, 6, 18, 1)           \
  X(SCALAR_OP, 12, 0, 6)          \
  X(SCALAR_KEEP, 12, 6, 1)        \
  X(DST, 13, 0, 16)               \
  X(SRC_A, 13, 16, 16)            \
  X(SRC_B, 14, 0, 16)             \
  X(SRC_C, 15, 0, 16)

// X(name, bit) of FLAGS.
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
  X(HALF_UP, 9)          \
  X(V_IN, 10)            \
  X(V_ROW, 11)           \
  X(A_VECTOR, 12)        \
  X(B_VECTOR, 13)        \
  X(C_VECTOR, 14)        \
  X(LWQ, 15)

// X(name, value): TARGET of LOAD; MEMORY_BITS and LOCAL_BITS; EXPAND; MODE, A_KIND, B_KIND and SUM_LOOP of GEMM;
// QUANTIZER and MASK_RULE of TILE; REDUCE_KIND; POOL_OP.
#define BITLOOM_LOAD_TARGETS(X) \
  X(SPAD_A, 0)                  \
  X(SPAD_B, 1)                  \
  X(VIN, 2)
#define BITLOOM_WIDTHS(X) \
  X(BITS1, 0)             \
  X(BITS4, 1)             \
  X(BITS8, 2)             \
  X(BITS32, 3)            \
  X(BITS16, 4)
#define BITLOOM_EXPANDS(X) \
  X(SIGNED, 0)             \
  X(UNSIGNED, 1)           \
  X(PLUS_MINUS, 2)
#define BITLOOM_MODES(X) \
  X(MAC8, 0)             \
  X(MAC4, 1)             \
  X(XNOR, 2)
#define BITLOOM_KINDS(X) \
  X(SIGNED, 0)           \
  X(UNSIGNED, 1)         \
  X(LOG, 2)
#define BITLOOM_SUM_LOOPS(X) \
  X(INNER, 0)                \
  X(NONE, 1)                 \
  X(OUTER, 2)
#define BITLOOM_QUANTIZERS(X) \
  X(UNIFORM, 0)               \
  X(LOG, 1)                   \
  X(SIGN, 2)                  \
  X(GROUP, 3)
#define BITLOOM_MASK_RULES(X) \
  X(POSITIVE, 0)              \
  X(INSIDE, 1)                \
  X(BELOW, 2)                 \
  X(POSITIVE_INSIDE, 3)
#define BITLOOM_REDUCE_KINDS(X) \
  X(MOMENTS, 0)                 \
  X(CROSS, 1)                   \
  X(ABSOLUTE, 2)                \
  X(RANGE, 3)
#define BITLOOM_POOL_OPS(X) \
  X(MAX, 0)                 \
  X(SUM, 1)                 \
  X(MAX_BACKWARD, 2)

// X(name, value): SCALAR_OP and ROUNDING.
#define BITLOOM_SCALAR_OPS(X) \
  X(MUL, 0)                   \
  X(DIV, 1)                   \
  X(MAX_TO_SCALE, 2)          \
  X(COPY, 3)                  \
  X(RMUL, 4)                  \
  X(RDIV, 5)                  \
  X(RADD, 6)                  \
  X(RSUB, 7)                  \
  X(RSQRT, 8)                 \
  X(RMAX, 9)                  \
  X(RMIN, 10)                 \
  X(RSUM, 11)                 \
  X(RMAXABS, 12)              \
  X(TO_INT, 13)               \
  X(FROM_INT, 14)             \
  X(FROM_SUM, 15)             \
  X(CENTERED, 16)             \
  X(TO_SCALE, 17)             \
  X(SHIFT_OF, 18)             \
  X(EXP2, 19)                 \
  X(TOP, 20)                  \
  X(SELECT_TOP, 21)           \
  X(SELECT_RANDOM, 22)        \
  X(MAX_TO_POWER, 23)         \
  X(LEVEL, 24)                \
  X(ISUB, 25)                 \
  X(IMAX, 26)                 \
  X(RKEEP, 27)
#define BITLOOM_ROUNDINGS(X) \
  X(HALF_UP, 0)              \
  X(NEAREST_EVEN, 1)         \
  X(FLOOR, 2)                \
  X(STOCHASTIC, 3)           \
  X(HALF_AWAY, 4)            \
  X(PSEUDO, 5)

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
  X(ID, 0x3C)                \
  X(BASE_HIGH, 0x40)         \
  X(BATCH_HIGH, 0x44)        \
  X(PROGRAM_HIGH, 0x48)

inline constexpr int kFieldMax = 65535;  ///< largest count of a 16-bit field
inline constexpr int kCommandBytes = 64;
inline constexpr int kCommandWords = 16;
inline constexpr int kQueues = 4;                  ///< load, array, vector, store
inline constexpr int kGroupMax = 4;                ///< commands in one loop group
inline constexpr int kTokenCounters = 32;          ///< id = from·8 + to·2 + channel
inline constexpr int kTokenMax = 255;              ///< a counter above this is TOKEN_OVERFLOW
inline constexpr int kWordTiles = 16;              ///< tiles of a scratchpad that a local word of LOAD fills at most
inline constexpr int kShapeSlots = 4;              ///< gather descriptors of the load and of the store engine
inline constexpr int kReduceWords = 16;            ///< words of V columns that REDUCE sums at once
inline constexpr int kPoolWords = 64;              ///< words of V elements that POOL accumulates at once
inline constexpr int kTableLearningRate = 0xFFFF;  ///< table index that reads the LEARNING_RATE register

}  // namespace bitloom
