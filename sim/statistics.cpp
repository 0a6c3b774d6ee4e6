#include "sim/statistics.hpp"

namespace bitloom {

const char* action_name(Action action) {
  switch (action) {
#define BITLOOM_ACTION(name, block) \
  case Action::name:                \
    return #name;
    BITLOOM_ACTIONS(BITLOOM_ACTION)
#undef BITLOOM_ACTION
    case Action::kCount:
      break;
  }
  return "?";
}

const char* block_name(Block block) {
  switch (block) {
    case Block::kDmaLoad:
      return "dma_load";
    case Block::kMacArray:
      return "mac_array";
    case Block::kVectorUnit:
      return "vector_unit";
    case Block::kDmaStore:
      return "dma_store";
    case Block::kCommandProcessor:
      return "command_processor";
    case Block::kDram:
      return "dram";
    case Block::kCount:
      break;
  }
  return "?";
}

Block action_block(Action action) {
  switch (action) {
#define BITLOOM_ACTION(name, block) \
  case Action::name:                \
    return Block::block;
    BITLOOM_ACTIONS(BITLOOM_ACTION)
#undef BITLOOM_ACTION
    case Action::kCount:
      break;
  }
  return Block::kDram;
}

}  // namespace bitloom
