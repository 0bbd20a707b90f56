UPDTAE orders SET day = now()
