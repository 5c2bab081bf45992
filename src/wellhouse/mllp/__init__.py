"""HL7 v2 messages over MLLP and TLS, stored before they are acknowledged, on their way into the inbox."""
