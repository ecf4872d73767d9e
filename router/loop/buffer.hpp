// SPDX-License-Identifier: Apache-2.0
//
// Byte buffers from a per-thread pool. A connection owns one only while it has something to keep: a
// partial head, what a short write left over, a request that may be sent
// again. One pointer when empty.
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "base/result.hpp"

namespace berth::router {

class BufferPool;

namespace detail {

struct Block {
  BufferPool* pool = nullptr;
  Block* next = nullptr;
  std::uint32_t capacity = 0;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  // The bytes follow.
  [[nodiscard]] char* bytes() { return reinterpret_cast<char*>(this + 1); }
};

}  // namespace detail

/// Owned by one connection or exchange of the pool's thread; goes back to the pool when it goes.
class Buffer final {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    if (this != &other) {
      reset();
      block_ = std::exchange(other.block_, nullptr);
    }
    return *this;
  }
  ~Buffer() { reset(); }
  inline void reset();

  [[nodiscard]] explicit operator bool() const { return block_ != nullptr; }
  [[nodiscard]] std::size_t size() const { return block_ ? block_->end - block_->begin : 0; }
  [[nodiscard]] char* data() const { return block_ ? block_->bytes() + block_->begin : nullptr; }
  [[nodiscard]] std::string_view view() const { return {data(), size()}; }
  [[nodiscard]] std::size_t room() const { return block_ ? block_->capacity - block_->end : 0; }
  /// Where room() more bytes may be written; follow with grow().
  [[nodiscard]] char* tail() const { return block_->bytes() + block_->end; }
  void grow(std::size_t size) { block_->end += static_cast<std::uint32_t>(size); }
  void append(std::string_view data) {
    BERTH_ASSERT(data.size() <= room());
    if (data.empty()) return;
    std::memcpy(tail(), data.data(), data.size());
    grow(data.size());
  }
  void consume(std::size_t size) { block_->begin += static_cast<std::uint32_t>(size); }

 private:
  friend class BufferPool;
  explicit Buffer(detail::Block* block) : block_(block) {}
  detail::Block* block_ = nullptr;
};

/// Three sizes; freed blocks are kept for the next use, up to a bound.
class BufferPool final {
 public:
  static constexpr std::size_t tiny = 1024 - sizeof(detail::Block);
  static constexpr std::size_t small = 4096 - sizeof(detail::Block);
  /// A head, a full read and what rewriting adds.
  static constexpr std::size_t large = 88 * 1024;

  BufferPool() = default;
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  ~BufferPool() {
    for (Class& size_class : classes_) {
      while (detail::Block* block = size_class.free) {
        size_class.free = block->next;
        std::free(block);
      }
    }
  }

  [[nodiscard]] Buffer take(std::size_t size) {
    BERTH_ASSERT(size <= large);
    Class& size_class = class_of(size);
    detail::Block* block = size_class.free;
    if (block) {
      size_class.free = block->next;
      --size_class.kept;
    } else {
      const std::size_t capacity = size_class.capacity;
      void* memory = std::malloc(sizeof(detail::Block) + capacity);
      if (!memory) throw std::bad_alloc();
      block = new (memory) detail::Block;
      block->pool = this;
      block->capacity = static_cast<std::uint32_t>(capacity);
    }
    block->begin = block->end = 0;
    return Buffer(block);
  }

 private:
  friend class Buffer;
  struct Class {
    detail::Block* free = nullptr;
    std::size_t kept = 0;
    std::size_t keep = 0;
    std::size_t capacity = 0;
  };
  [[nodiscard]] Class& class_of(std::size_t size) {
    return classes_[size > small ? 2 : size > tiny ? 1 : 0];
  }
  void give(detail::Block* block) {
    Class& size_class = class_of(block->capacity);
    if (size_class.kept == size_class.keep) {
      std::free(block);
      return;
    }
    block->next = size_class.free;
    size_class.free = block;
    ++size_class.kept;
  }

  std::array<Class, 3> classes_{Class{nullptr, 0, 512, tiny}, Class{nullptr, 0, 512, small},
                                Class{nullptr, 0, 16, large}};
};

inline void Buffer::reset() {
  if (block_) block_->pool->give(block_);
  block_ = nullptr;
}

}  // namespace berth::router
