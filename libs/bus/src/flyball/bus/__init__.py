"""Kafka in and out: fetch, fence, decode, bury, retry, relay. The only home of faststream and aiokafka."""
